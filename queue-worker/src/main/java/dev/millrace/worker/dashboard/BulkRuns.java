package dev.millrace.worker.dashboard;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/**
 * Operations on many jobs, one at a time, so that they take one connection; the newest are remembered for as long as the process lives.
 * Thread-safe.
 */
final class BulkRuns implements AutoCloseable {

    private static final int WAITING = 8;
    private static final int REMEMBERED = 50;

    private final ThreadPoolExecutor executor;
    private final Deque<BulkRun> runs = new ArrayDeque<>();
    private long lastId;

    BulkRuns() {
        executor = new ThreadPoolExecutor(1, 1, 10, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING), task -> {
            Thread thread = new Thread(task, "millrace-dashboard-bulk");
            thread.setDaemon(true);
            return thread;
        });
        executor.allowCoreThreadTimeOut(true);
    }

    /**
     * Begins one, or puts it behind those under way.
     *
     * @param run makes it with the id that it gets
     * @throws BusyException if too many wait, or these are closed
     */
    synchronized BulkRun begin(LongFunction<BulkRun> run) {
        BulkRun begun = run.apply(lastId + 1);
        try {
            executor.execute(begun);
        } catch (RejectedExecutionException tooManyOrClosed) {
            throw new BusyException(
                    executor.isShutdown()
                            ? "This worker is closing: it begins no more actions"
                            : "Too many actions wait already: see them under Actions");
        }
        lastId++;
        runs.addFirst(begun);
        if (runs.size() > REMEMBERED) {
            runs.removeLast();
        }
        return begun;
    }

    synchronized Optional<BulkRun> find(long id) {
        return runs.stream().filter(run -> run.id() == id).findFirst();
    }

    /** The newest first. */
    synchronized List<BulkRun> all() {
        return List.copyOf(runs);
    }

    /** Stops them after the batch under way, and begins no more; takes a few seconds at most. May be called twice. */
    @Override
    public void close() {
        all().forEach(BulkRun::stop);
        executor.shutdown();
        try {
            if (!executor.awaitTermination(3, TimeUnit.SECONDS)) {
                executor.shutdownNow();
            }
        } catch (InterruptedException interrupted) {
            executor.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
