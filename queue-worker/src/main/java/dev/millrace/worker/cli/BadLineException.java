package dev.millrace.worker.cli;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/** A line of the input is not a job; the message names it by its number. */
final class BadLineException extends MillraceException {

    private static final long serialVersionUID = 1L;

    BadLineException(long line, String why, @Nullable Throwable cause) {
        super("Line " + line + " is not a job, nothing was enqueued: " + why, cause);
    }
}
