package dev.millrace.enqueue;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/** The database refused a job. In a transaction of the library's own nothing was inserted. */
public final class EnqueueException extends MillraceException {

    private static final long serialVersionUID = 1L;

    public EnqueueException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
