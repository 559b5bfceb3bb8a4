package dev.millrace.worker.engine;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The slots of a queue and the local buffer before them. A slot is a thread, made when first needed, that takes a claimed job and
 * runs it to its end. Thread-safe.
 */
final class Slots {

    /** Jobs that take longer are never prefetched, though many may end at once. */
    private static final long SHORT_NANOS = Duration.ofMillis(200).toNanos();

    /** What was prefetched waits no longer behind jobs that turn out to be long, since another worker may be free. */
    static final Duration STUCK = Duration.ofSeconds(1);

    private int size;
    private final ThreadFactory threads;
    private final Consumer<Execution> runner;
    private final Runnable onHunger;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition offered = lock.newCondition();
    private final Condition ended = lock.newCondition();
    private final Deque<Execution> buffer = new ArrayDeque<>();
    private int idle;
    private int busy;
    private int made;
    private long shortDone;
    private int prefetch;
    private long movedNanos = System.nanoTime();
    private boolean closed;
    private boolean hurried;

    /**
     * Slots of a queue, none of them made yet.
     *
     * @param runner runs one job; must not throw
     * @param onHunger is called when the next claim is due
     */
    Slots(String queue, int size, Consumer<Execution> runner, Runnable onHunger) {
        this.size = size;
        this.threads = HandlerThreads.forQueue(queue);
        this.runner = runner;
        this.onHunger = onHunger;
    }

    /**
     * Changes the number of slots: more are made as they are needed, those that are too many end when they have no job.
     *
     * @return jobs that would wait here while another worker could run them
     */
    List<Execution> resize(int newSize) {
        lock.lock();
        try {
            size = newSize;
            List<Execution> tooMany = new ArrayList<>();
            while (!buffer.isEmpty() && buffer.size() > Math.max(0, size + prefetch - busy)) {
                tooMany.add(buffer.removeLast());
            }
            wakeOne();
            offered.signalAll();
            return tooMany;
        } finally {
            lock.unlock();
        }
    }

    int size() {
        lock.lock();
        try {
            return size;
        } finally {
            lock.unlock();
        }
    }

    /** How many jobs run now. */
    int busy() {
        lock.lock();
        try {
            return busy;
        } finally {
            lock.unlock();
        }
    }

    /** Puts claimed jobs into the buffer, in order; returns false once nothing begins any more. */
    boolean offer(Collection<Execution> claimed) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            if (buffer.isEmpty()) {
                movedNanos = System.nanoTime();
            }
            buffer.addAll(claimed);
            wakeOne();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /**
     * How many jobs to claim now: zero while what is buffered lasts, so that claims are few and large.
     *
     * @param prefetch jobs to keep in the buffer beyond the free slots
     */
    int demand(int prefetch) {
        lock.lock();
        try {
            this.prefetch = prefetch;
            return closed || !hungry() ? 0 : size + prefetch - busy - buffer.size();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes back what was prefetched for slots that turned out to be taken by long jobs: all that is buffered, if none of it has begun
     * for {@link #STUCK}.
     *
     * @param excused the slots wait for outcomes to be written: then the database is slow, and would be slow for others; the time begins
     *     anew
     */
    List<Execution> takeStuck(boolean excused) {
        lock.lock();
        try {
            if (excused) {
                movedNanos = System.nanoTime();
            }
            if (buffer.isEmpty() || busy < size || System.nanoTime() - movedNanos < STUCK.toNanos()) {
                return List.of();
            }
            List<Execution> stuck = new ArrayList<>(buffer);
            buffer.clear();
            return stuck;
        } finally {
            lock.unlock();
        }
    }

    /** Jobs ended so far that were short. */
    long shortDone() {
        lock.lock();
        try {
            return shortDone;
        } finally {
            lock.unlock();
        }
    }

    boolean isIdle() {
        lock.lock();
        try {
            return busy == 0 && buffer.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Takes back what has not begun; from now on nothing begins. */
    List<Execution> close() {
        lock.lock();
        try {
            closed = true;
            List<Execution> notBegun = new ArrayList<>(buffer);
            buffer.clear();
            offered.signalAll();
            return notBegun;
        } finally {
            lock.unlock();
        }
    }

    /** From now on nobody waits here for jobs to end. */
    void hurry() {
        lock.lock();
        try {
            hurried = true;
            ended.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until no job runs.
     *
     * @return false if one still does at the deadline, a value of {@link System#nanoTime}, or in a hurry
     */
    boolean awaitIdle(long deadlineNanos) {
        boolean interrupted = false;
        lock.lock();
        try {
            while (busy > 0) {
                long left = deadlineNanos - System.nanoTime();
                if (left <= 0 || hurried) {
                    return false;
                }
                try {
                    ended.await(left, TimeUnit.NANOSECONDS);
                } catch (InterruptedException whileClosing) {
                    interrupted = true;
                }
            }
            return true;
        } finally {
            lock.unlock();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Half of the prefetch is the mark: above it, the buffer outlasts the next claim. Without prefetch, any free slot is. */
    private boolean hungry() {
        return buffer.size() <= prefetch / 2 && busy + buffer.size() < size + prefetch;
    }

    /** Wakes or makes one slot; each that takes a job wakes the next, so short jobs are run by few threads. */
    private void wakeOne() {
        if (buffer.isEmpty()) {
            return;
        }
        if (idle > 0) {
            offered.signal();
        } else if (made < size) {
            made++;
            threads.newThread(this::run).start();
        }
    }

    private void run() {
        for (Execution next = take(); next != null; next = take()) {
            long began = System.nanoTime();
            try {
                runner.accept(next);
            } finally {
                release(System.nanoTime() - began);
            }
        }
    }

    private @Nullable Execution take() {
        boolean hungry;
        Execution next;
        lock.lock();
        try {
            while (buffer.isEmpty() || made > size) {
                if (closed) {
                    return null;
                }
                if (made > size) {
                    // There were more slots when this one was made. What is offered is for those that stay.
                    made--;
                    wakeOne();
                    return null;
                }
                idle++;
                offered.awaitUninterruptibly();
                idle--;
            }
            // A cancel that came as its job ended was not meant for the next one.
            Thread.interrupted();
            next = buffer.pop();
            movedNanos = System.nanoTime();
            busy++;
            wakeOne();
            hungry = hungry();
        } finally {
            lock.unlock();
        }
        if (hungry) {
            onHunger.run();
        }
        return next;
    }

    private void release(long tookNanos) {
        boolean hungry;
        lock.lock();
        try {
            busy--;
            if (tookNanos < SHORT_NANOS) {
                shortDone++;
            }
            hungry = !closed && hungry();
            if (busy == 0) {
                ended.signalAll();
            }
        } finally {
            lock.unlock();
        }
        if (hungry) {
            onHunger.run();
        }
    }
}
