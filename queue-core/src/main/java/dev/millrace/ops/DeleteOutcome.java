package dev.millrace.ops;

/** What deleting came to for one job. */
public enum DeleteOutcome {
    /** It is gone, with its history. */
    DELETED,
    /** It runs, and was left alone: cancel it first. */
    RUNNING,
    /** There is no such job. */
    NOT_FOUND
}
