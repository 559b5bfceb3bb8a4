package dev.millrace.worker.http;

import dev.millrace.error.MillraceException;

/** Thrown by a route for a parameter that it can't use. Answered with status 400 and the message, which is shown to who asked. */
public final class BadRequestException extends MillraceException {

    private static final long serialVersionUID = 1L;

    /** @param message a sentence that names the parameter and what it may be */
    public BadRequestException(String message) {
        super(message);
    }
}
