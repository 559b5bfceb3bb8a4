package dev.millrace.job;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long a failed job waits for its next attempt: any function for a kind, given where its handler is registered; a
 * {@link RetrySchedule}, which is data, for a job by itself too. Must be safe for use by many threads; must not block.
 */
@FunctionalInterface
public interface RetryPolicy {

    /**
     * Says how long to wait.
     *
     * @param attempt number of the attempt that failed, from 1
     * @param error what it threw
     * @return time until the next attempt; negative values count as zero, more than 36,500 days as 36,500 days
     */
    Duration delay(int attempt, Throwable error);

    /** {@code attempt⁴} seconds ± 10 %: 1 s, 16 s, 81 s, 4 min … three weeks in all over 25 attempts. The default. */
    static RetryPolicy exponential() {
        return (attempt, error) -> {
            double seconds = Math.pow(attempt, 4) * ThreadLocalRandom.current().nextDouble(0.9, 1.1);
            return Duration.ofMillis((long) (seconds * 1_000));
        };
    }

    /**
     * {@code first × factor^(attempt - 1)}, at most {@code most}, ± 10 %.
     *
     * @throws IllegalArgumentException unless 1 ms ≤ {@code first} ≤ {@code most} ≤ 36,500 days, both in whole milliseconds, and
     *     1 ≤ {@code factor} ≤ 1,000
     */
    static RetrySchedule exponential(Duration first, double factor, Duration most) {
        return new RetrySchedule.Exponential(first, factor, most);
    }

    /**
     * Always the same, to the millisecond.
     *
     * @throws IllegalArgumentException outside 0 to 36,500 days, or for a part of a millisecond
     */
    static RetrySchedule fixed(Duration delay) {
        return new RetrySchedule.Fixed(delay);
    }
}
