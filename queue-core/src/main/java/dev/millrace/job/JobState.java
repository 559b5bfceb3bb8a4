package dev.millrace.job;

import java.util.Locale;

/** Where a job is in its life; in the database in lower case. */
public enum JobState {
    /** Waits for a worker. */
    AVAILABLE,
    /** Leased to a worker. */
    RUNNING,
    /** Waits for its time. */
    SCHEDULED,
    /** Has failed and waits for its next attempt. */
    RETRYABLE,
    /** Waits for something other than time: somebody has to retry it, which makes it available. */
    PENDING,
    /** Has been done. */
    COMPLETED,
    /** Was cancelled by an operator or by its handler. */
    CANCELLED,
    /** Has used its attempts up: a dead letter. */
    DISCARDED;

    /** Whether it waits: available, scheduled, retryable or pending. */
    public boolean isWaiting() {
        return this == AVAILABLE || this == SCHEDULED || this == RETRYABLE || this == PENDING;
    }

    /** Whether its life has ended: completed, cancelled or discarded. */
    public boolean isFinal() {
        return this == COMPLETED || this == CANCELLED || this == DISCARDED;
    }

    /** As in the column {@code state}. */
    public String sql() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The state of that name in the database.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static JobState ofSql(String state) {
        for (JobState one : values()) {
            if (one.sql().equals(state)) {
                return one;
            }
        }
        throw new IllegalArgumentException("State '" + state + "' is not known: use available, running, scheduled,"
                + " retryable, pending, completed, cancelled or discarded");
    }
}
