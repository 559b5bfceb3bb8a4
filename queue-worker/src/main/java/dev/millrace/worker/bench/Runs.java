package dev.millrace.worker.bench;

import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** What the handlers of one process have seen: which job has run, how often, and when. Thread-safe. */
final class Runs {

    /** Bits of a chunk: 128 KB. */
    private static final int CHUNK = 1 << 20;

    /** A bit for each job, in chunks that are made when a job of theirs runs: the bound may be far above what ever does. */
    private final AtomicReferenceArray<@Nullable AtomicLongArray> seen;

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
        this.seen = new AtomicReferenceArray<>(jobs / CHUNK + 1);
    }

    /** A job has succeeded for the handler. */
    void ran(int n) {
        long millis = System.currentTimeMillis();
        firstMillis.compareAndSet(0, millis);
        timeline.computeIfAbsent(millis / Tally.BUCKET_MILLIS, bucket -> new LongAdder())
                .increment();
        long bit = 1L << n;
        long before = chunk(n / CHUNK).getAndUpdate(n % CHUNK / Long.SIZE, bits -> bits | bit);
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

    private AtomicLongArray chunk(int index) {
        AtomicLongArray chunk = seen.get(index);
        if (chunk != null) {
            return chunk;
        }
        AtomicLongArray made = new AtomicLongArray(CHUNK / Long.SIZE);
        AtomicLongArray other = seen.compareAndExchange(index, null, made);
        return other == null ? made : other;
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
        TreeMap<Long, Long> perBucket = new TreeMap<>();
        timeline.forEach((bucket, count) -> perBucket.put(bucket, count.sum()));
        return new Tally(
                bits().toByteArray(),
                repeated.sum(),
                perBucket,
                latencies.counted(),
                firstMillis.get(),
                System.currentTimeMillis(),
                cpuSeconds);
    }

    private BitSet bits() {
        BitSet bits = new BitSet();
        for (int index = 0; index < seen.length(); index++) {
            AtomicLongArray chunk = seen.get(index);
            for (int i = 0; chunk != null && i < chunk.length(); i++) {
                for (long left = chunk.get(i); left != 0; left &= left - 1) {
                    bits.set(index * CHUNK + i * Long.SIZE + Long.numberOfTrailingZeros(left));
                }
            }
        }
        return bits;
    }
}
