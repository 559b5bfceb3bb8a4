package dev.millrace.job;

/**
 * Sees each job before it is written, and may change its arguments, options or metadata: for tracing, defaults, encryption.
 * Called for a single job, in a caller's transaction and in bulk alike, on the caller's thread, in the order of registration; it
 * must not block, since a bulk has a transaction open. Must be safe for use by many threads.
 */
@FunctionalInterface
public interface EnqueueInterceptor {

    /**
     * Returns the job to write. What it throws reaches the caller, and the job is not enqueued; in bulk, none is.
     *
     * @param job as the interceptors before this one left it, its arguments as JSON
     */
    NewJob beforeEnqueue(NewJob job);
}
