package dev.millrace.connection;

/** Where a supervisor stands. */
public enum State {
    /** Nothing was tried yet. */
    NEW,
    CONNECTING,
    /** Connected; looks whether the server can be written to and has the schema. */
    VALIDATING,
    UP,
    /** Usable, but notifications do not arrive: workers poll. */
    DEGRADED,
    /** Not usable, and tried again within seconds. */
    BACKOFF,
    /** Not usable, and only a person can mend it: tried again within a minute. */
    SUSPENDED,
    /** Closing has begun; what is under way may still use the database. */
    DRAINING,
    CLOSED
}
