package dev.millrace.ops;

/** The order of a list. */
public enum JobOrder {
    /** By id, highest first: ids grow with the time of the enqueue. */
    NEWEST_FIRST,
    /** By id, lowest first. */
    OLDEST_FIRST,
    /** By due time, soonest first, of scheduled and retryable jobs; others are left out. */
    DUE_FIRST
}
