package dev.millrace.worker.tracing;

import dev.millrace.worker.handler.HandlerInterceptor.Next;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.RunningJob;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapPropagator;

/** One span for each attempt, current while the handler runs. Thread-safe. */
final class AttemptSpans {

    private static final String OPERATION = "process";

    private final Tracer tracer;
    private final TextMapPropagator propagator;
    private final boolean sameTrace;

    AttemptSpans(Tracer tracer, TextMapPropagator propagator, boolean sameTrace) {
        this.tracer = tracer;
        this.propagator = propagator;
        this.sameTrace = sameTrace;
    }

    @SuppressWarnings("try") // the scope is held, not used
    Result around(RunningJob job, String args, Next next) throws Exception {
        Context carried = Metadata.context(propagator, job.metadata());
        SpanContext producer = Span.fromContext(carried).getSpanContext();
        // What else is carried, such as baggage, comes along in both cases.
        Context parent = sameTrace ? carried : carried.with(Span.getInvalid());
        Span span = begin(job, parent, producer);
        try (Scope current = parent.with(span).makeCurrent()) {
            Result result = next.proceed(args);
            ended(span, result);
            return result;
        } catch (Throwable failure) {
            Names.failed(span, failure);
            throw failure;
        } finally {
            span.end();
        }
    }

    private Span begin(RunningJob job, Context parent, SpanContext producer) {
        SpanBuilder span = tracer.spanBuilder(OPERATION + " " + job.queue())
                .setParent(parent)
                .setSpanKind(SpanKind.CONSUMER)
                .setAttribute(Names.SYSTEM, Names.MILLRACE)
                .setAttribute(Names.OPERATION, OPERATION)
                .setAttribute(Names.OPERATION_TYPE, OPERATION)
                .setAttribute(Names.DESTINATION, job.queue())
                .setAttribute(Names.MESSAGE_ID, String.valueOf(job.id()))
                .setAttribute(Names.KIND, job.kind())
                .setAttribute(Names.ATTEMPT, (long) job.attempt());
        if (producer.isValid()) {
            span.addLink(producer);
        }
        return span.startSpan();
    }

    private static void ended(Span span, Result result) {
        if (result instanceof Result.Done) {
            span.setAttribute(Names.OUTCOME, "done");
        } else if (result instanceof Result.Snooze || result instanceof Result.SnoozeUntil) {
            span.setAttribute(Names.OUTCOME, "snooze");
        } else if (result instanceof Result.Cancel) {
            span.setAttribute(Names.OUTCOME, "cancel");
        } else if (result instanceof Result.Retry retry) {
            failed(span, "retry", retry.reason());
        } else if (result instanceof Result.RetryAt retry) {
            failed(span, "retry", retry.reason());
        } else if (result instanceof Result.Fail fail) {
            failed(span, "fail", fail.reason());
        } else if (result instanceof Result.Discard discard) {
            failed(span, "discard", discard.reason());
        }
    }

    private static void failed(Span span, String outcome, String reason) {
        span.setAttribute(Names.OUTCOME, outcome);
        span.setAttribute(Names.ERROR_TYPE, outcome);
        span.setStatus(StatusCode.ERROR, reason);
    }
}
