package dev.millrace.worker.handler;

import dev.millrace.job.JobType;
import dev.millrace.job.RetryPolicy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The handlers of a worker by kind, and what goes around them. Not thread-safe: filled before the worker is built. */
public final class Handlers {

    private final Map<String, Registration<?>> byKind = new LinkedHashMap<>();
    private final List<HandlerInterceptor> interceptors = new ArrayList<>();

    /**
     * A kind with its code.
     *
     * @param <A> type of the arguments
     * @param type kind and type of the arguments
     * @param handler runs it
     * @param retryPolicy paces its retries
     */
    public record Registration<A>(JobType<A> type, ResultHandler<A> handler, RetryPolicy retryPolicy) {}

    /**
     * Adds a handler with the default retry policy.
     *
     * @throws IllegalArgumentException if the kind has a handler already
     */
    public <A> Handlers handle(JobType<A> type, Handler<A> handler) {
        return handle(type, handler, RetryPolicy.exponential());
    }

    /** Adds a handler with a retry policy of its own. */
    public <A> Handlers handle(JobType<A> type, Handler<A> handler, RetryPolicy retryPolicy) {
        Objects.requireNonNull(handler, "handler");
        return handleResult(
                type,
                (job, args) -> {
                    handler.handle(job, args);
                    return Result.done();
                },
                retryPolicy);
    }

    /** Adds a handler whose outcome is a value. */
    public <A> Handlers handleResult(JobType<A> type, ResultHandler<A> handler) {
        return handleResult(type, handler, RetryPolicy.exponential());
    }

    /** Adds a handler whose outcome is a value, with a retry policy of its own. */
    public <A> Handlers handleResult(JobType<A> type, ResultHandler<A> handler, RetryPolicy retryPolicy) {
        Objects.requireNonNull(handler, "handler");
        Objects.requireNonNull(retryPolicy, "retryPolicy");
        if (byKind.putIfAbsent(type.kind(), new Registration<>(type, handler, retryPolicy)) != null) {
            throw new IllegalArgumentException("Kind '" + type.kind() + "' has a handler already: a kind has one");
        }
        return this;
    }

    /** Adds what goes around each handler call of the worker; the first one added is the outermost. */
    public Handlers intercept(HandlerInterceptor interceptor) {
        interceptors.add(Objects.requireNonNull(interceptor, "interceptor"));
        return this;
    }

    /** All interceptors, the outermost first. */
    public List<HandlerInterceptor> interceptors() {
        return List.copyOf(interceptors);
    }

    /** All registrations by kind, in the order they were made. */
    public Map<String, Registration<?>> byKind() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(byKind));
    }
}
