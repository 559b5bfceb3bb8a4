package dev.millrace.worker.handler;

import dev.millrace.error.MillraceException;

/** The job is no longer this worker's: its lease ended and it was given to another, or it is finalized already. */
public final class LeaseLostException extends MillraceException {

    private static final long serialVersionUID = 1L;

    private final long jobId;

    public LeaseLostException(long jobId) {
        super("The lease of job " + jobId + " is gone: roll back, another worker has the job or it is finalized");
        this.jobId = jobId;
    }

    public long jobId() {
        return jobId;
    }
}
