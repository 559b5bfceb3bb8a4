package dev.millrace.job;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/** Arguments that can't be written as JSON, are too large, or do not fit the type that the handler expects. */
public final class ArgsException extends MillraceException {

    private static final long serialVersionUID = 1L;

    public ArgsException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
