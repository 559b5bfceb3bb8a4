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

    /**
     * Is told that a call to enqueue begins, before its jobs are intercepted on the same thread; by default does nothing. What it
     * throws reaches the caller, and nothing is enqueued.
     *
     * @param bulk whether the call may have any number of jobs
     * @return who is to be told how it ends
     */
    default Call beforeCall(boolean bulk) {
        return Call.UNWATCHED;
    }

    /**
     * Is told on the same thread how a call ended, by one of its methods, once; the one of the last interceptor first. What it
     * throws reaches the caller, although the jobs may be written: better nothing. The others are told nevertheless, and the
     * caller gets what was thrown first, be it the failure of the call itself, with the rest suppressed in it.
     */
    interface Call {

        /** Does nothing. */
        Call UNWATCHED = new Call() {
            @Override
            public void enqueued(long jobs, long id) {}

            @Override
            public void failed(Throwable failure) {}
        };

        /**
         * The jobs are written; in a caller's transaction, which may yet be rolled back, as well.
         *
         * @param jobs how many were inserted
         * @param id of the single job, or of the one that holds its unique key; 0 for a bulk
         */
        void enqueued(long jobs, long id);

        /** Nothing was enqueued, or it is not known whether anything was. */
        void failed(Throwable failure);
    }
}
