package dev.millrace.examples.quickstart;

import org.jspecify.annotations.Nullable;

/** Ends the quickstart with one sentence for its user. */
final class QuickstartException extends Exception {

    private static final long serialVersionUID = 1L;

    /** Something did not work. */
    static final int FAILED = 1;

    /** It was called in a way that makes no sense. */
    static final int USAGE = 2;

    private final int exitStatus;

    QuickstartException(int exitStatus, String message) {
        this(exitStatus, message, null);
    }

    QuickstartException(int exitStatus, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.exitStatus = exitStatus;
    }

    int exitStatus() {
        return exitStatus;
    }
}
