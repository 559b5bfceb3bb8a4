package dev.millrace.ops;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/**
 * The database refused an operation on jobs, or it took too long. Of the batch that failed nothing was changed; batches before it
 * stay done, and the message says how many jobs they were.
 */
public final class JobsException extends MillraceException {

    private static final long serialVersionUID = 1L;

    public JobsException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
