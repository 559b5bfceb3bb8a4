package dev.millrace.examples;

import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.RunningJob;
import org.slf4j.MDC;

/** Puts the job into the logging context, so that each line a handler logs tells which job it is about. Safe for use by many threads. */
public final class LoggingContext implements HandlerInterceptor {

    @Override
    public Result intercept(RunningJob job, String args, Next next) throws Exception {
        MDC.put("job_id", Long.toString(job.id()));
        MDC.put("job_kind", job.kind());
        MDC.put("job_queue", job.queue());
        try {
            return next.proceed(args);
        } finally {
            // The thread runs other jobs next.
            MDC.remove("job_id");
            MDC.remove("job_kind");
            MDC.remove("job_queue");
        }
    }
}
