package dev.millrace.worker.tracing;

import dev.millrace.job.EnqueueInterceptor;
import dev.millrace.job.NewJob;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.RunningJob;
import io.opentelemetry.api.OpenTelemetry;

/**
 * Spans for enqueues and attempts by the conventions for messaging, and the context of the one carried to the other in the job's
 * metadata, in the form of the propagators that OpenTelemetry is set up with ({@code traceparent} by default). Give it to
 * {@code Millrace.Builder#intercept} and {@code Worker.Builder#intercept}, there first, so that it is outermost and sees what
 * other interceptors cost.
 *
 * <p>An attempt is the begin of a trace of its own with a link to the span that enqueued the job, since it may come days later,
 * and a bulk has millions; {@link #inTheSameTrace} makes it a child of that span instead. All names are in
 * {@code docs/tracing.md}. Immutable; safe for use by many threads.
 */
public final class MillraceTracing implements EnqueueInterceptor, HandlerInterceptor {

    private static final String SCOPE = "dev.millrace";

    private final OpenTelemetry openTelemetry;
    private final EnqueueSpans enqueues;
    private final AttemptSpans attempts;

    private MillraceTracing(OpenTelemetry openTelemetry, boolean sameTrace) {
        this.openTelemetry = openTelemetry;
        this.enqueues = new EnqueueSpans(
                openTelemetry.getTracer(SCOPE), openTelemetry.getPropagators().getTextMapPropagator());
        this.attempts = new AttemptSpans(
                openTelemetry.getTracer(SCOPE), openTelemetry.getPropagators().getTextMapPropagator(), sameTrace);
    }

    /** With attempts that link to the enqueue. */
    public static MillraceTracing of(OpenTelemetry openTelemetry) {
        return new MillraceTracing(openTelemetry, false);
    }

    /** The same with attempts as children of the enqueue, and linked to it besides. For jobs that follow soon, and are few. */
    public MillraceTracing inTheSameTrace() {
        return new MillraceTracing(openTelemetry, true);
    }

    @Override
    public Call beforeCall(boolean bulk) {
        return enqueues.begin(bulk);
    }

    @Override
    public NewJob beforeEnqueue(NewJob job) {
        return enqueues.withContext(job);
    }

    @Override
    public Result intercept(RunningJob job, String args, Next next) throws Exception {
        return attempts.around(job, args, next);
    }
}
