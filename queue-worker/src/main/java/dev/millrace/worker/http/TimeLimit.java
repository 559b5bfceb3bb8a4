package dev.millrace.worker.http;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Bounds how long a thread waits for a client to take or send bytes: when the time is over the thread is interrupted, which closes the
 * channel that it waits on. The JDK's own limit for the whole of an answer, {@code sun.net.httpserver.maxRspTime}, would end streams
 * as well. Thread-safe.
 */
final class TimeLimit implements AutoCloseable {

    private final Duration limit;
    private final ScheduledThreadPoolExecutor timer;

    /** What reads or writes. */
    @FunctionalInterface
    interface Transfer {
        void run() throws IOException;
    }

    TimeLimit(Duration limit) {
        this.limit = limit;
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "millrace-http-limit");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
    }

    /** @throws IOException also if the time was over */
    void run(Transfer transfer) throws IOException {
        Watch watch = new Watch(Thread.currentThread());
        Future<?> end;
        try {
            end = timer.schedule(watch::timeOver, limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closed) {
            throw new IOException("The server is closed", closed);
        }
        try {
            transfer.run();
        } finally {
            end.cancel(false);
            watch.done();
        }
    }

    /** Never interrupts what its thread does afterwards. */
    private static final class Watch {

        private final Thread thread;
        private boolean done;
        private boolean interrupted;

        Watch(Thread thread) {
            this.thread = thread;
        }

        synchronized void timeOver() {
            if (!done) {
                interrupted = true;
                thread.interrupt();
            }
        }

        synchronized void done() {
            done = true;
            if (interrupted) {
                Thread.interrupted();
            }
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
