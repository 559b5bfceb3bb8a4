package dev.millrace.worker.handler;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long a failed job waits for its next attempt. Must be safe for use by many threads; must not block. */
@FunctionalInterface
public interface RetryPolicy {

    /**
     * Says how long to wait.
     *
     * @param attempt number of the attempt that failed, from 1
     * @param error what it threw
     * @return time until the next attempt; negative values count as zero
     */
    Duration delay(int attempt, Throwable error);

    /** {@code attempt⁴} seconds ± 10 %: 1 s, 16 s, 81 s, 4 min … three weeks in all over 25 attempts. The default. */
    static RetryPolicy exponential() {
        return (attempt, error) -> {
            double seconds = Math.pow(attempt, 4) * ThreadLocalRandom.current().nextDouble(0.9, 1.1);
            return Duration.ofMillis((long) (seconds * 1_000));
        };
    }

    /** Always the same. */
    static RetryPolicy fixed(Duration delay) {
        return (attempt, error) -> delay;
    }
}
