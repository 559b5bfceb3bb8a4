package dev.millrace.worker.http;

/** What somebody may do. */
public enum Role {
    /** May see everything and change nothing. */
    VIEW,
    /** May see everything and take every action. */
    OPERATE
}
