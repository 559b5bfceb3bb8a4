package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class HungConnectsTest {

    private final AtomicLong nanos = new AtomicLong();
    private final HungConnects hung = new HungConnects(nanos::get);

    private HungConnects.Attempt hanging() {
        HungConnects.Attempt attempt = hung.attempt();
        attempt.hangs();
        return attempt;
    }

    @Test
    void twoThatHang_leaveOneAMinute() {
        hanging();
        assertThat(hung.allowAnother()).isTrue();
        hanging();
        assertThat(hung.allowAnother()).isFalse();
        nanos.addAndGet(Duration.ofMinutes(1).toNanos());
        assertThat(hung.allowAnother()).isTrue();
        hanging();
        assertThat(hung.allowAnother()).isFalse();
    }

    @Test
    void oneThatComesBack_makesRoom() {
        HungConnects.Attempt first = hanging();
        hanging();
        first.ended();
        assertThat(hung.allowAnother()).isTrue();
    }

    @Test
    void oneThatEndsAsItsTimeIsOver_isNotCounted() {
        for (int i = 0; i < 5; i++) {
            HungConnects.Attempt attempt = hung.attempt();
            attempt.ended();
            attempt.hangs();
        }
        assertThat(hung.allowAnother()).isTrue();
    }
}
