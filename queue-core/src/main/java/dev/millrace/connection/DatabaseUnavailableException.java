package dev.millrace.connection;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/** The database can't be reached or used now. Nothing was done; the supervisor goes on trying to connect. */
public final class DatabaseUnavailableException extends MillraceException {

    private static final long serialVersionUID = 1L;

    public DatabaseUnavailableException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
