package dev.millrace.worker.handler;

/**
 * Goes around each handler call: for tracing, logging context, decryption. It sees the arguments as the JSON that is stored,
 * before they are decoded, and may pass on others; it may change the result, or not call the handler at all. What it throws is a
 * failed attempt, like what the handler throws. Runs on the handler's thread, within the job's timeout. Must be safe for use by
 * many threads.
 */
@FunctionalInterface
public interface HandlerInterceptor {

    /**
     * Handles the job, most often by {@code next.proceed(args)}.
     *
     * @param args the arguments as JSON, as the interceptor before left them
     * @param next the next interceptor, or the handler
     */
    Result intercept(RunningJob job, String args, Next next) throws Exception;

    /** What comes after an interceptor. */
    @FunctionalInterface
    interface Next {
        /**
         * Calls it.
         *
         * @param args the arguments as JSON
         * @throws dev.millrace.job.ArgsException if they do not fit the type that the handler expects
         */
        Result proceed(String args) throws Exception;
    }
}
