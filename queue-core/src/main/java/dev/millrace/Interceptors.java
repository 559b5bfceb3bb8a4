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
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

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
            tellEach(calls, call -> call.failed(failure), failure);
            throw failure;
        }
        Throwable thrown = tellEach(calls, call -> tell.accept(call, result), null);
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        return result;
    }

    /** Tells each of them, whatever another one throws. Returns what was thrown first, with the rest suppressed in it. */
    @SuppressWarnings("ReferenceEquality") // none can be suppressed in itself: a call may throw what it is told
    private static @Nullable Throwable tellEach(
            Iterable<Call> calls, Consumer<Call> tell, @Nullable Throwable thrownBefore) {
        Throwable first = thrownBefore;
        for (Call call : calls) {
            try {
                tell.accept(call);
            } catch (RuntimeException | Error thrown) {
                if (first == null) {
                    first = thrown;
                } else if (first != thrown) {
                    first.addSuppressed(thrown);
                }
            }
        }
        return first;
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
