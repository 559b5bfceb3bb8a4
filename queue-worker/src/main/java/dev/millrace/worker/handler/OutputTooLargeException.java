package dev.millrace.worker.handler;

import dev.millrace.error.MillraceException;

/** A job's output is larger than {@code Worker.Builder.maxOutputBytes}: store it elsewhere and keep a reference. */
public final class OutputTooLargeException extends MillraceException {

    private static final long serialVersionUID = 1L;

    private final long bytes;

    public OutputTooLargeException(long jobId, long bytes, int limit) {
        super("The output of job " + jobId + " has " + bytes + " bytes, the limit is " + limit
                + ": store it elsewhere and keep a reference, or raise the limit");
        this.bytes = bytes;
    }

    /** Its size as UTF-8. */
    public long bytes() {
        return bytes;
    }
}
