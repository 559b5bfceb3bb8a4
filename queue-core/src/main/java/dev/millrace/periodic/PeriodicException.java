package dev.millrace.periodic;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/** The database refused what was asked of a periodic job, or there is none of that name. Nothing was changed. */
public final class PeriodicException extends MillraceException {

    private static final long serialVersionUID = 1L;

    PeriodicException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
