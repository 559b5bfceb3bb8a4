package dev.millrace.worker.dashboard;

import dev.millrace.error.MillraceException;

/** What is asked for is not done now, since too much is under way or the worker closes; nothing was changed. */
final class BusyException extends MillraceException {

    private static final long serialVersionUID = 1L;

    BusyException(String sentence) {
        super(sentence);
    }
}
