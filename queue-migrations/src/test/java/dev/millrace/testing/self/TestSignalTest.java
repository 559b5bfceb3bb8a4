package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.TestSignal;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class TestSignalTest {

    private final TestSignal<String> signal = new TestSignal<>();

    @Test
    void await_eventsFromAnotherThread_comeInOrder() throws InterruptedException {
        Thread source = new Thread(() -> {
            signal.accept("a");
            signal.accept("b");
        });
        source.start();

        assertThat(signal.await(Duration.ofSeconds(10))).isEqualTo("a");
        assertThat(signal.await(Duration.ofSeconds(10))).isEqualTo("b");
        assertThat(signal.await("a"::equals, Duration.ZERO)).isEqualTo("a");
        assertThat(signal.all()).containsExactly("a", "b");
        source.join();
    }

    @Test
    void await_noSuchEvent_failsWithWhatWasSeen() {
        signal.accept("other");

        assertThatThrownBy(() -> signal.await("wanted"::equals, Duration.ofMillis(1)))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("seen: [other]");
    }
}
