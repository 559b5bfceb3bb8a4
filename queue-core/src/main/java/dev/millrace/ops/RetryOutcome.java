package dev.millrace.ops;

/** What retrying came to for one job. */
public enum RetryOutcome {
    /** It is available now. */
    RETRIED,
    /** It was available already. */
    AVAILABLE,
    /** It runs. */
    RUNNING,
    /** Another job holds its unique key meanwhile: nothing was changed. */
    KEY_TAKEN,
    /** There is no such job. */
    NOT_FOUND
}
