package dev.millrace.ops;

/** What cancelling came to for one job. */
public enum CancelOutcome {
    /** It waited, and is cancelled. */
    CANCELLED,
    /** It runs: its handler is asked to stop, and whatever the attempt comes to, the job does not run again. */
    REQUESTED,
    /** It had ended before. */
    FINAL,
    /** There is no such job. */
    NOT_FOUND
}
