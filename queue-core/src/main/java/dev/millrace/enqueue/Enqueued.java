package dev.millrace.enqueue;

/**
 * What became of a job that was offered.
 *
 * @param id the job, or the one that holds its unique key
 * @param outcome whether it was inserted
 */
public record Enqueued(long id, Outcome outcome) {

    /** Only a unique job can be anything but inserted. */
    public enum Outcome {
        /** A new job is there. */
        INSERTED,
        /** Another job holds the key; nothing was changed. */
        SKIPPED,
        /** Another job that waits holds the key, and was given what was to be replaced, or the new time. */
        REPLACED
    }

    /** Whether a new job is there. */
    public boolean isInserted() {
        return outcome == Outcome.INSERTED;
    }
}
