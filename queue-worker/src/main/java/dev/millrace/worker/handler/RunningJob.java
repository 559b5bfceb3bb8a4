package dev.millrace.worker.handler;

import dev.millrace.connection.SqlFunction;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One attempt of one job, as its handler sees it. Safe for use by many threads for as long as the handler runs. */
public interface RunningJob {

    /** Of the job, the same in each attempt: {@code job.id}. */
    long id();

    /** The kind that its handler was registered for. */
    String kind();

    /** The queue it was claimed from. */
    String queue();

    /** From 1, which is first, to 4. */
    int priority();

    /** Number of this attempt, from 1. */
    int attempt();

    /** After how many failed attempts it is discarded. */
    int maxAttempts();

    /**
     * Names the lease together with the id; never given twice for a job and only growing. Pass it to other systems to let them
     * refuse an attempt that was taken over.
     */
    long leaseToken();

    /** When it was enqueued, by the database's clock. */
    Instant createdAt();

    /** When the job was due. */
    Instant scheduledAt();

    /** Words to find the job by; empty for none. */
    List<String> tags();

    /** JSON object that came with the job; null for none. */
    @Nullable String metadata();

    /** How long this attempt may run; null for no limit. */
    @Nullable Duration timeout();

    /**
     * Whether the handler should stop: somebody has cancelled the job, its timeout is over, the worker is closing and its grace is
     * over, or the lease could not be renewed or is lost. Half a second later the handler's thread is interrupted. What it throws
     * after that counts as a failed attempt only for a timeout; a job that was cancelled ends as cancelled, unless the handler
     * completes it.
     */
    boolean isCancelled();

    /**
     * Completes the job in a transaction of the handler's own, on any connection to the same database: business rows and
     * completion are committed together or not at all.
     *
     * @throws LeaseLostException if the job is no longer this worker's; the transaction must then be rolled back
     */
    void completeIn(Connection connection) throws SQLException;

    /**
     * As {@link #completeIn(Connection)}, with output.
     *
     * @param output written as JSON
     * @throws OutputTooLargeException if it has more bytes than the worker allows; nothing was written
     */
    void completeIn(Connection connection, Object output) throws SQLException;

    /**
     * Runs work in a transaction on a connection of the worker's pool: committed if it returns, rolled back if it throws. The
     * connection belongs to this call. Waits if other handlers hold all that may be lent, which is the pool's size less two.
     * No statement limit of the worker's applies inside; a session idle in the transaction for 10 seconds is ended by the
     * server. A connection that is still held 5 seconds after the job's timeout, or after an hour where it has none, is taken
     * away.
     */
    <T> T inTransaction(SqlFunction<T> work) throws SQLException, InterruptedException;
}
