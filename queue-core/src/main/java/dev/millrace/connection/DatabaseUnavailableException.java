package dev.millrace.connection;

import dev.millrace.error.MillraceException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The database can't be reached or used now; the supervisor goes on trying to connect. Unless {@link #isResultUnknown}, nothing
 * was done, and the call may be repeated.
 */
public final class DatabaseUnavailableException extends MillraceException {

    private static final long serialVersionUID = 1L;

    private final State state;
    private final Duration since;
    private final Duration retryAfter;
    private final boolean resultUnknown;

    DatabaseUnavailableException(
            String message, @Nullable Throwable cause, State state, Duration since, Duration retryAfter) {
        this(message, cause, state, since, retryAfter, false);
    }

    private DatabaseUnavailableException(
            String message,
            @Nullable Throwable cause,
            State state,
            Duration since,
            Duration retryAfter,
            boolean resultUnknown) {
        super(message, cause);
        this.state = state;
        this.since = since;
        this.retryAfter = retryAfter;
        this.resultUnknown = resultUnknown;
    }

    /** For an operation that failed with its connection; with {@code resultUnknown} nobody knows whether it was committed. */
    public static DatabaseUnavailableException during(
            Supervisor supervisor, String message, Throwable cause, boolean resultUnknown) {
        Health health = supervisor.health();
        return new DatabaseUnavailableException(
                message, cause, health.state(), health.since(), health.retryIn(), resultUnknown);
    }

    /** Where the supervisor stood. */
    public State state() {
        return state;
    }

    /** How long it had stood there. */
    public Duration since() {
        return since;
    }

    /** Until the next attempt to connect; there is no use in trying sooner. */
    public Duration retryAfter() {
        return retryAfter;
    }

    /**
     * Whether the operation may have been committed although its answer was lost: then look before repeating it, or make
     * repeating harmless.
     */
    public boolean isResultUnknown() {
        return resultUnknown;
    }
}
