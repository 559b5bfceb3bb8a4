package dev.millrace.jdbi;

import dev.millrace.Millrace;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;

/**
 * Enqueues in the transaction of a Jdbi {@link Handle}: the job is there when the handle commits, and gone when it rolls back.
 * Thread-safe; the handle is not.
 */
public final class JdbiEnqueue {

    private final Millrace millrace;

    /** Enqueues by this client, which stays the caller's to close. */
    public JdbiEnqueue(Millrace millrace) {
        this.millrace = millrace;
    }

    /** Enqueues one job with the options of its type. Returns the id. */
    public <A> long enqueue(Handle handle, JobType<A> type, A args) {
        return millrace.enqueue(handle.getConnection(), type, args);
    }

    /** Enqueues one job. Returns the id. */
    public <A> long enqueue(Handle handle, JobType<A> type, A args, UnaryOperator<EnqueueOptions> options) {
        return millrace.enqueue(handle.getConnection(), type, args, options);
    }

    /** Enqueues any number of jobs by {@code COPY}. Returns how many. */
    public <A> long enqueueAll(Handle handle, JobType<A> type, Stream<A> args) {
        return millrace.enqueueAll(handle.getConnection(), type, args);
    }
}
