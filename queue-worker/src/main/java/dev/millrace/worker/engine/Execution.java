package dev.millrace.worker.engine;

import dev.millrace.connection.SqlFunction;
import dev.millrace.worker.handler.LeaseLostException;
import dev.millrace.worker.handler.RunningJob;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One attempt: the job, whether it is to stop, and the thread that runs its handler. Thread-safe. */
final class Execution implements RunningJob {

    private static final StackTraceElement[] NOWHERE = {};

    private final LeasedJob job;
    private final JobTable table;
    private final Outputs outputs;
    private final Lending lending;
    private volatile @Nullable Cause cause;
    private volatile boolean completedInTransaction;
    private @Nullable Thread runner;
    private long beganNanos;
    private long endedNanos;
    private long cancelledNanos;
    private final long claimedNanos = System.nanoTime();
    private final AtomicBoolean decided = new AtomicBoolean();

    /** Why a handler is asked to stop. */
    enum Cause {
        OPERATOR("somebody has cancelled it"),
        TIMEOUT("its timeout is over"),
        LEASE("the lease of this worker could not be renewed, or is lost"),
        CLOSE("the worker is closing");

        private final String text;

        Cause(String text) {
            this.text = text;
        }

        String text() {
            return text;
        }

        /** Whether it is for the worker's sake, and says nothing about the job. */
        boolean isOfWorker() {
            return this == LEASE || this == CLOSE;
        }
    }

    Execution(LeasedJob job, JobTable table, Outputs outputs, Lending lending) {
        this.job = job;
        this.table = table;
        this.outputs = outputs;
        this.lending = lending;
    }

    LeasedJob job() {
        return job;
    }

    /** The handler's thread begins; from now on it can be interrupted. */
    synchronized void begin(Thread thread) {
        runner = thread;
        beganNanos = System.nanoTime();
    }

    /** The handler has returned: an interrupt after this would hit the next job of the thread. */
    synchronized void end() {
        runner = null;
        endedNanos = System.nanoTime();
    }

    synchronized boolean isRunning() {
        return runner != null;
    }

    /** How long the handler has been over its job's timeout; negative where it is not, runs no more, or has none. */
    synchronized long nanosOverTimeout(long nowNanos) {
        Duration timeout = job.timeout();
        return runner == null || timeout == null ? -1 : nowNanos - beganNanos - timeout.toNanos();
    }

    /**
     * Asks the handler to stop; returns true the first time. What is said for the job's sake replaces what was said for the lease's:
     * that may have been renewed since, and the handler have gone on.
     */
    synchronized boolean cancel(Cause why) {
        Cause before = cause;
        if (before != null && (before != Cause.LEASE || why.isOfWorker())) {
            return false;
        }
        cause = why;
        cancelledNanos = System.nanoTime();
        return true;
    }

    /** How long ago the handler was asked to stop; negative where it was not. */
    synchronized long nanosSinceCancel(long nowNanos) {
        return cause == null ? -1 : nowNanos - cancelledNanos;
    }

    /** Why the handler was asked to stop; null if it was not. */
    @Nullable Cause cause() {
        return cause;
    }

    /** Whoever gets true says what becomes of the job; for all others it is said already. */
    boolean decide() {
        return decided.compareAndSet(false, true);
    }

    /**
     * Whether the handler was asked to stop so long ago for its job's sake, and still runs. One that has completed the job in a
     * transaction of its own is left alone: that may be open, and whoever writes another outcome would wait for it.
     */
    synchronized boolean isStuck(Duration patience) {
        Cause why = cause;
        return runner != null
                && why != null
                && !why.isOfWorker()
                && !completedInTransaction
                && !decided.get()
                && System.nanoTime() - cancelledNanos > patience.toNanos();
    }

    /**
     * Where the handler's thread is; empty where it has none. Class, method, file and line, as of a throwable: a thread adds loaders and
     * versions.
     */
    StackTraceElement[] place() {
        Thread thread;
        synchronized (this) {
            thread = runner;
        }
        StackTraceElement[] trace = thread == null ? NOWHERE : thread.getStackTrace();
        synchronized (this) {
            // The thread may have gone on to another job meanwhile.
            if (runner == null) {
                return NOWHERE;
            }
        }
        return Arrays.stream(trace)
                .map(frame -> new StackTraceElement(
                        frame.getClassName(), frame.getMethodName(), frame.getFileName(), frame.getLineNumber()))
                .toArray(StackTraceElement[]::new);
    }

    /** Whether the handler was called. */
    synchronized boolean hasBegun() {
        return beganNanos != 0;
    }

    /** How long the job has waited until now since it was due; for when its handler is about to be called. */
    Duration waited() {
        return job.waited().plusNanos(System.nanoTime() - claimedNanos);
    }

    /** How long the handler has run, until now or until it ended; zero before it begins. */
    synchronized Duration ran() {
        if (beganNanos == 0) {
            return Duration.ZERO;
        }
        return Duration.ofNanos((runner == null ? endedNanos : System.nanoTime()) - beganNanos);
    }

    /** Interrupts the handler if it still runs. */
    synchronized void interrupt() {
        if (runner != null) {
            runner.interrupt();
        }
    }

    /** Whether the handler has written the completion in a transaction of its own: finding the lease gone is then no surprise. */
    boolean completedInTransaction() {
        return completedInTransaction;
    }

    @Override
    public void completeIn(Connection connection) throws SQLException {
        complete(connection, null);
    }

    @Override
    public void completeIn(Connection connection, Object output) throws SQLException {
        complete(connection, outputs.json(job, output));
    }

    private void complete(Connection connection, @Nullable String output) throws SQLException {
        // Before the statement, which may have to wait: from now on the handler's transaction may hold the row.
        completedInTransaction = true;
        boolean written = false;
        try {
            written = !table.finish(connection, List.of(new Outcome.Finalize(job, "completed", output, null)))
                    .isEmpty();
        } finally {
            completedInTransaction = written;
        }
        if (!written) {
            throw new LeaseLostException(job.id());
        }
    }

    @Override
    public <T> T inTransaction(SqlFunction<T> work) throws SQLException, InterruptedException {
        return lending.inTransaction(job.timeout(), work);
    }

    @Override
    public long id() {
        return job.id();
    }

    @Override
    public String kind() {
        return job.kind();
    }

    @Override
    public String queue() {
        return job.queue();
    }

    @Override
    public int priority() {
        return job.priority();
    }

    @Override
    public int attempt() {
        return job.attempt();
    }

    @Override
    public int maxAttempts() {
        return job.maxAttempts();
    }

    @Override
    public long leaseToken() {
        return job.token();
    }

    @Override
    public Instant createdAt() {
        return job.createdAt();
    }

    @Override
    public Instant scheduledAt() {
        return job.scheduledAt();
    }

    @Override
    public List<String> tags() {
        return job.tags();
    }

    @Override
    public @Nullable String metadata() {
        return job.metadata();
    }

    @Override
    public @Nullable Duration timeout() {
        return job.timeout();
    }

    @Override
    public boolean isCancelled() {
        return cause != null;
    }
}
