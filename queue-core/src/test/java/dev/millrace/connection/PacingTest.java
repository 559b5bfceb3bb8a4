package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PacingTest {

    @Test
    void tokenBucket_neverGivesMoreThanBurstAndRate() {
        AtomicLong now = new AtomicLong(Long.MAX_VALUE - Duration.ofSeconds(20).toNanos());
        TokenBucket bucket = new TokenBucket(10, 20, now::get);
        int inFirst15 = 0;
        int inFirstMinute = 0;
        for (int tenth = 0; tenth < 600; tenth++) {
            while (bucket.take().isZero()) {
                inFirstMinute++;
                inFirst15 += tenth <= 150 ? 1 : 0;
            }
            now.addAndGet(Duration.ofMillis(100).toNanos());
        }
        assertThat(inFirst15).isBetween(14, 15);
        assertThat(inFirstMinute).isBetween(28, 30);
    }

    @Test
    void tokenBucket_empty_saysHowLongUntilTheNext() {
        AtomicLong now = new AtomicLong();
        TokenBucket bucket = new TokenBucket(1, 60, now::get);
        assertThat(bucket.take()).isZero();
        Duration wait = bucket.take();
        assertThat(wait).isEqualTo(Duration.ofSeconds(1));
        now.addAndGet(wait.toNanos());
        assertThat(bucket.take()).isZero();
    }

    @Test
    void backoff_growsToItsCapAndNoFurther() {
        long seed = new SplittableRandom().nextLong();
        Backoff backoff = new Backoff(new SplittableRandom(seed));
        for (FaultClass fault : FaultClass.values()) {
            backoff.reset();
            for (int i = 0; i < 200; i++) {
                Duration next = backoff.next(fault);
                assertThat(next)
                        .as("seed %d, %s", seed, fault)
                        .isPositive()
                        .isLessThanOrEqualTo(Duration.ofSeconds(60));
            }
        }
        backoff.reset();
        assertThat(backoff.next(FaultClass.RECONNECT)).isBetween(Duration.ofMillis(250), Duration.ofMillis(750));
    }
}
