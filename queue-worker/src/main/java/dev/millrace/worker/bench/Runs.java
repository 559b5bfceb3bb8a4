package dev.millrace.worker.bench;

import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** What the handlers of one process have seen: which job has run, how often, and when. Thread-safe. */
final class Runs {

    private final AtomicLongArray seen;
    private final AtomicLong distinct = new AtomicLong();
    private final LongAdder repeated = new LongAdder();
    private final AtomicLong firstMillis = new AtomicLong();
    private final Map<Long, LongAdder> timeline = new ConcurrentHashMap<>();
    private final Latencies latencies = new Latencies();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition reached = lock.newCondition();
    private volatile long target = Long.MAX_VALUE;

    /** For jobs with numbers below this one. */
    Runs(int jobs) {
        this.seen = new AtomicLongArray((jobs + Long.SIZE - 1) / Long.SIZE);
    }

    /** A job has succeeded for the handler. */
    void ran(int n) {
        long millis = System.currentTimeMillis();
        firstMillis.compareAndSet(0, millis);
        timeline.computeIfAbsent(millis / Tally.BUCKET_MILLIS, bucket -> new LongAdder())
                .increment();
        long bit = 1L << n;
        long before = seen.getAndUpdate(n / Long.SIZE, bits -> bits | bit);
        if ((before & bit) != 0) {
            repeated.increment();
        } else if (distinct.incrementAndGet() >= target) {
            lock.lock();
            try {
                reached.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** A job has begun so long after it was enqueued. */
    void began(long latencyMicros) {
        latencies.record(latencyMicros);
    }

    /** Jobs that have run, each counted once. */
    long distinct() {
        return distinct.get();
    }

    /** Waits for so many jobs; returns false if there are fewer when the time is over. One thread may wait. */
    boolean await(long jobs, long limitNanos) throws InterruptedException {
        lock.lock();
        try {
            target = jobs;
            long nanos = limitNanos;
            while (distinct.get() < jobs) {
                if (nanos <= 0) {
                    return false;
                }
                nanos = reached.awaitNanos(nanos);
            }
            return true;
        } finally {
            target = Long.MAX_VALUE;
            lock.unlock();
        }
    }

    /**
     * What was seen so far.
     *
     * @param cpuSeconds of the worker meanwhile; null where the platform does not tell
     */
    Tally tally(@Nullable Double cpuSeconds) {
        long[] bits = new long[seen.length()];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = seen.get(i);
        }
        TreeMap<Long, Long> perBucket = new TreeMap<>();
        timeline.forEach((bucket, count) -> perBucket.put(bucket, count.sum()));
        return new Tally(
                BitSet.valueOf(bits).toByteArray(),
                repeated.sum(),
                perBucket,
                latencies.counted(),
                firstMillis.get(),
                System.currentTimeMillis(),
                cpuSeconds);
    }
}
