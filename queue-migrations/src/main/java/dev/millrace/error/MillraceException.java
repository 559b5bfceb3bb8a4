package dev.millrace.error;

import org.jspecify.annotations.Nullable;

/**
 * Root of all exceptions that Millrace throws on its own account. The message says what happened, to which job or host,
 * and what to do next; it never contains a password. Programming errors ({@link NullPointerException},
 * {@link IllegalArgumentException}, {@link IllegalStateException}) are not wrapped.
 */
public class MillraceException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public MillraceException(String message) {
        super(message);
    }

    public MillraceException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
