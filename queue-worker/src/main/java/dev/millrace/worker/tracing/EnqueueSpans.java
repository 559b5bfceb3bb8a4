package dev.millrace.worker.tracing;

import dev.millrace.job.EnqueueInterceptor.Call;
import dev.millrace.job.NewJob;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.ContextKey;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapPropagator;
import org.jspecify.annotations.Nullable;

/** One span for each call that enqueues, of one job or of a bulk, whose context all its jobs carry. Thread-safe. */
final class EnqueueSpans {

    private static final String OPERATION = "enqueue";
    private static final ContextKey<Enqueue> CURRENT = ContextKey.named("millrace-enqueue");

    private final Tracer tracer;
    private final TextMapPropagator propagator;

    EnqueueSpans(Tracer tracer, TextMapPropagator propagator) {
        this.tracer = tracer;
        this.propagator = propagator;
    }

    Call begin(boolean bulk) {
        Span span = tracer.spanBuilder(OPERATION)
                .setSpanKind(SpanKind.PRODUCER)
                .setAttribute(Names.SYSTEM, Names.MILLRACE)
                .setAttribute(Names.OPERATION, OPERATION)
                .setAttribute(Names.OPERATION_TYPE, "send")
                .startSpan();
        try {
            return new Enqueue(span, bulk);
        } catch (RuntimeException | Error failure) {
            // Of a propagator: nobody has this call yet who could end its span.
            Names.failed(span, failure);
            span.end();
            throw failure;
        }
    }

    NewJob withContext(NewJob job) {
        Enqueue enqueue = Context.current().get(CURRENT);
        if (enqueue == null) {
            // Of a caller that intercepts jobs by itself: they carry the context that there is.
            return Metadata.with(job, Metadata.carried(propagator, Context.current()));
        }
        enqueue.has(job);
        return Metadata.with(job, enqueue.carried);
    }

    /** A call under way, on one thread; for as long its context is the current one there. */
    private final class Enqueue implements Call {

        private final Span span;
        private final boolean bulk;
        private final Scope scope;
        private final String carried;
        private @Nullable String queue;
        private @Nullable String kind;

        @SuppressWarnings("MustBeClosedChecker") // closed when the call ends
        Enqueue(Span span, boolean bulk) {
            this.span = span;
            this.bulk = bulk;
            Context context = Context.current().with(span).with(CURRENT, this);
            this.carried = Metadata.carried(propagator, context);
            this.scope = context.makeCurrent();
        }

        /** The names of what all jobs have in common: the empty name where they differ. */
        void has(NewJob job) {
            queue = common(queue, job.options().queue());
            kind = common(kind, job.kind());
        }

        private static String common(@Nullable String before, String one) {
            return before == null || before.equals(one) ? one : "";
        }

        @Override
        public void enqueued(long jobs, long id) {
            if (bulk) {
                span.setAttribute(Names.BATCH_COUNT, jobs);
            } else {
                span.setAttribute(Names.MESSAGE_ID, String.valueOf(id));
                span.setAttribute(Names.OUTCOME, jobs == 0 ? "not_inserted" : "inserted");
            }
            end();
        }

        @Override
        public void failed(Throwable failure) {
            Names.failed(span, failure);
            end();
        }

        private void end() {
            if (queue != null && !queue.isEmpty()) {
                span.updateName(OPERATION + " " + queue);
                span.setAttribute(Names.DESTINATION, queue);
            }
            if (kind != null && !kind.isEmpty()) {
                span.setAttribute(Names.KIND, kind);
            }
            scope.close();
            span.end();
        }
    }
}
