package dev.millrace;

import dev.millrace.enqueue.Enqueued;
import dev.millrace.job.EnqueueInterceptor;
import dev.millrace.job.EnqueueInterceptor.Call;
import dev.millrace.job.JobTally;
import dev.millrace.job.NewJob;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** The interceptors of a producer, in their order; without any there is nothing but the call itself. Thread-safe. */
final class Interceptors {

    private final List<EnqueueInterceptor> interceptors;

    Interceptors(List<EnqueueInterceptor> interceptors) {
        this.interceptors = List.copyOf(interceptors);
    }

    /** Enqueues one job as they leave it. */
    Enqueued one(NewJob job, Function<NewJob, Enqueued> enqueue) {
        return around(
                false,
                () -> enqueue.apply(intercepted(job)),
                (call, enqueued) -> call.enqueued(enqueued.isInserted() ? 1 : 0, enqueued.id()));
    }

    /** Enqueues jobs as they leave them. */
    JobTally all(Iterator<NewJob> jobs, Function<Iterator<NewJob>, JobTally> enqueue) {
        return around(
                true, () -> enqueue.apply(intercepted(jobs)), (call, inserted) -> call.enqueued(inserted.total(), 0));
    }

    private <T> T around(boolean bulk, Supplier<T> enqueue, BiConsumer<Call, T> tell) {
        if (interceptors.isEmpty()) {
            return enqueue.get();
        }
        Deque<Call> calls = new ArrayDeque<>();
        T result;
        try {
            interceptors.forEach(interceptor -> calls.push(interceptor.beforeCall(bulk)));
            result = enqueue.get();
        } catch (RuntimeException | Error failure) {
            calls.forEach(call -> call.failed(failure));
            throw failure;
        }
        calls.forEach(call -> tell.accept(call, result));
        return result;
    }

    private NewJob intercepted(NewJob job) {
        NewJob written = job;
        for (EnqueueInterceptor interceptor : interceptors) {
            written = Objects.requireNonNull(
                    interceptor.beforeEnqueue(written), "an interceptor returned null, not a job");
        }
        return written;
    }

    private Iterator<NewJob> intercepted(Iterator<NewJob> jobs) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return jobs.hasNext();
            }

            @Override
            public NewJob next() {
                return intercepted(jobs.next());
            }
        };
    }
}
