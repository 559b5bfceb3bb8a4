package dev.millrace.connection;

/** What a database error means for the connection and for what may be done next. See {@link Faults#classify}. */
public enum FaultClass {
    /** The connection, or the way to it, is gone: kill it and connect again. */
    RECONNECT,
    /** The server is starting, stopping or recovering: connect again, it will not take long. */
    STARTUP,
    /** The node is read-only: it was demoted. Every connection to it must go. */
    FAILOVER,
    /** The server has no room: back off more, ask for less. */
    OVERLOAD,
    /** Credentials, certificate, name or permission to connect: only a person can mend it, so retry slowly and for ever. */
    CONFIGURATION,
    /** Our tables are not there or not as expected: migration needed. */
    SCHEMA,
    /** A commit whose outcome is not known: verify, never repeat blindly. */
    UNKNOWN_RESULT,
    /** A conflict with another transaction: the same transaction may succeed at once. */
    CONFLICT,
    /** A time limit of ours, or a cancel: the connection is fine, try later. */
    TIMED_OUT,
    /** The data or the statement is wrong: repeating can't help. */
    CALLER;

    /** Whether the connection that raised it must not be used again. */
    public boolean losesConnection() {
        return switch (this) {
            case RECONNECT, STARTUP, FAILOVER, CONFIGURATION, UNKNOWN_RESULT -> true;
            case OVERLOAD, SCHEMA, CONFLICT, TIMED_OUT, CALLER -> false;
        };
    }
}
