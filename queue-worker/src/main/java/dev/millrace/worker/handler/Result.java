package dev.millrace.worker.handler;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** How an attempt ended, as a value. Immutable. */
public sealed interface Result {

    /**
     * The job is completed.
     *
     * @param output what to keep with it, written as JSON; null for nothing
     */
    record Done(@Nullable Object output) implements Result {}

    /**
     * The job is to run again later; this attempt does not count.
     *
     * @param delay how much later
     */
    record Snooze(Duration delay) implements Result {
        public Snooze {
            requireNotNegative(delay);
        }
    }

    /**
     * The job is cancelled.
     *
     * @param reason kept among its errors
     */
    record Cancel(String reason) implements Result {
        public Cancel {
            Objects.requireNonNull(reason, "reason");
        }
    }

    /**
     * This attempt counts as failed, and the next one comes after the delay, whatever the retry policy says.
     *
     * @param delay how long to wait
     * @param reason kept among its errors
     */
    record Retry(Duration delay, String reason) implements Result {
        public Retry {
            requireNotNegative(delay);
            Objects.requireNonNull(reason, "reason");
        }
    }

    static Result done() {
        return new Done(null);
    }

    static Result done(Object output) {
        return new Done(output);
    }

    /** Run again after the delay; the attempt does not count. */
    static Result snooze(Duration delay) {
        return new Snooze(delay);
    }

    static Result cancel(String reason) {
        return new Cancel(reason);
    }

    /** Failed; run again after the delay if attempts are left. */
    static Result retryIn(Duration delay, String reason) {
        return new Retry(delay, reason);
    }

    private static void requireNotNegative(Duration delay) {
        if (delay.isNegative() || delay.toDays() > 36_500) {
            throw new IllegalArgumentException("Delay " + delay + " is out of range: 0 to 36500 days");
        }
    }
}
