package dev.millrace.worker.bench;

import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Latencies by how often they were seen, in buckets whose width is under 1 % of their value: of bounded size for any number of
 * them. Thread-safe.
 */
final class Latencies {

    /** Buckets for each power of two. */
    private static final int PARTS_BITS = 7;

    private static final int PARTS = 1 << PARTS_BITS;

    private final AtomicLongArray counts = new AtomicLongArray((Long.SIZE - PARTS_BITS) * PARTS);
    private final AtomicLong max = new AtomicLong();

    /** What was before the enqueue by another process's reading of the clock counts as zero. */
    void record(long micros) {
        long value = Math.max(0, micros);
        counts.incrementAndGet(bucket(value));
        max.accumulateAndGet(value, Math::max);
    }

    /** Adds what another one has counted. */
    void add(Counted other) {
        other.byBucket().forEach((bucket, count) -> counts.addAndGet(bucket, count));
        max.accumulateAndGet(other.maxMicros(), Math::max);
    }

    /**
     * What was counted, for another process.
     *
     * @param byBucket how many by the number of the bucket, without those that are empty
     */
    record Counted(TreeMap<Integer, Long> byBucket, long maxMicros) {}

    Counted counted() {
        TreeMap<Integer, Long> byBucket = new TreeMap<>();
        for (int i = 0; i < counts.length(); i++) {
            if (counts.get(i) > 0) {
                byBucket.put(i, counts.get(i));
            }
        }
        return new Counted(byBucket, max.get());
    }

    /** The smallest bucket that this share of all does not exceed, in milliseconds; NaN where there are none. */
    double millis(double share) {
        long total = 0;
        for (int i = 0; i < counts.length(); i++) {
            total += counts.get(i);
        }
        long rank = Math.max(1, (long) Math.ceil(share * total));
        long before = 0;
        for (int i = 0; i < counts.length(); i++) {
            before += counts.get(i);
            if (before >= rank) {
                return Math.min(highest(i), max.get()) / 1e3;
            }
        }
        return Double.NaN;
    }

    double maxMillis() {
        return max.get() / 1e3;
    }

    private static int bucket(long value) {
        if (value < PARTS) {
            return (int) value;
        }
        int shift = Long.SIZE - 1 - Long.numberOfLeadingZeros(value) - PARTS_BITS;
        return (shift + 1) * PARTS + (int) (value >>> shift) - PARTS;
    }

    private static long highest(int bucket) {
        if (bucket < PARTS) {
            return bucket;
        }
        int shift = bucket / PARTS - 1;
        return ((bucket % PARTS + PARTS + 1L) << shift) - 1;
    }
}
