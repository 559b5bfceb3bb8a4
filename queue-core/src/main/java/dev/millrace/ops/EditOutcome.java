package dev.millrace.ops;

/** What editing came to for one job. */
public enum EditOutcome {
    /** It is changed. */
    CHANGED,
    /** It runs or has ended, and was left as it is. */
    NOT_WAITING,
    /** There is no such job. */
    NOT_FOUND
}
