package dev.millrace.worker.handler;

import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** How an attempt ended, as a value. Immutable. */
public sealed interface Result {

    /**
     * The job is completed.
     *
     * @param output what to keep with it, written as JSON; null for nothing. Output that is too large or can't be written does not
     *     make the job run again: it is completed without, and an entry among its errors says so
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
     * The job is to run again at a moment, by the database's clock; this attempt does not count.
     *
     * @param moment when; one that has passed means at once
     */
    record SnoozeUntil(Instant moment) implements Result {
        public SnoozeUntil {
            requireStorable(moment);
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

    /**
     * This attempt counts as failed, and the next one comes at a moment, by the database's clock, whatever the retry policy says.
     *
     * @param moment when; one that has passed means at once
     * @param reason kept among its errors
     */
    record RetryAt(Instant moment, String reason) implements Result {
        public RetryAt {
            requireStorable(moment);
            Objects.requireNonNull(reason, "reason");
        }
    }

    /**
     * This attempt has failed, as if the handler had thrown: the retry policy, which gets a
     * {@link dev.millrace.error.MillraceException} with the reason, says when the next one comes.
     *
     * @param reason kept among its errors
     */
    record Fail(String reason) implements Result {
        public Fail {
            Objects.requireNonNull(reason, "reason");
        }
    }

    /**
     * The job is discarded at once, whatever attempts are left: trying again would not help.
     *
     * @param reason kept among its errors
     */
    record Discard(String reason) implements Result {
        public Discard {
            Objects.requireNonNull(reason, "reason");
        }
    }

    /** The job is completed. */
    static Result done() {
        return new Done(null);
    }

    /** The job is completed, and keeps the output, written as JSON; see {@link Done}. */
    static Result done(Object output) {
        return new Done(output);
    }

    /** Run again after the delay; the attempt does not count. */
    static Result snooze(Duration delay) {
        return new Snooze(delay);
    }

    /** The job is cancelled, and keeps the reason among its errors. */
    static Result cancel(String reason) {
        return new Cancel(reason);
    }

    /** Failed; run again after the delay if attempts are left. */
    static Result retryIn(Duration delay, String reason) {
        return new Retry(delay, reason);
    }

    /** Run again at this moment, by the database's clock; the attempt does not count. */
    static Result snoozeUntil(Instant moment) {
        return new SnoozeUntil(moment);
    }

    /** Failed; run again at this moment, by the database's clock, if attempts are left. */
    static Result retryAt(Instant moment, String reason) {
        return new RetryAt(moment, reason);
    }

    /** Failed, without an exception; run again as the retry policy says if attempts are left. */
    static Result fail(String reason) {
        return new Fail(reason);
    }

    /** Never to be run again. */
    static Result discard(String reason) {
        return new Discard(reason);
    }

    private static void requireNotNegative(Duration delay) {
        if (delay.isNegative() || delay.toDays() > 36_500) {
            throw new IllegalArgumentException("Delay " + delay + " is out of range: 0 to 36500 days");
        }
    }

    private static void requireStorable(Instant moment) {
        Instant least = Instant.parse("0001-01-01T00:00:00Z");
        Instant most = Instant.parse("9999-12-31T00:00:00Z");
        if (moment.isBefore(least) || moment.isAfter(most)) {
            throw new IllegalArgumentException("Moment " + moment + " is out of range: " + least + " to " + most);
        }
    }
}
