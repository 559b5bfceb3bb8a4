package dev.millrace.worker.bench;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the handlers of one or of several processes have seen, in a form that goes from process to process.
 *
 * @param seen a bit for each job by its number, set if it has run
 * @param duplicates runs of jobs that had run before
 * @param timeline runs by time, in buckets of {@value #BUCKET_MILLIS} milliseconds
 * @param latencies those that were measured
 * @param firstMillis when the first job ran; 0 if none did
 * @param stoppedMillis when the last worker had written what it had run
 * @param cpuSeconds of the workers; null where the platform does not tell
 */
@SuppressWarnings("ArrayRecordComponent") // It is what goes over the pipe, and never compared.
record Tally(
        byte[] seen,
        long duplicates,
        TreeMap<Long, Long> timeline,
        Latencies.Counted latencies,
        long firstMillis,
        long stoppedMillis,
        @Nullable Double cpuSeconds) {

    static final int BUCKET_MILLIS = 20;

    private static final int FIFTHS = 5;

    /** Together. A job that has run in two of them is a duplicate. */
    static Tally of(List<Tally> tallies) {
        BitSet seen = new BitSet();
        long duplicates = 0;
        TreeMap<Long, Long> timeline = new TreeMap<>();
        Latencies latencies = new Latencies();
        long first = 0;
        long stopped = 0;
        Double cpu = 0.0;
        for (Tally one : tallies) {
            BitSet own = BitSet.valueOf(one.seen);
            BitSet again = (BitSet) own.clone();
            again.and(seen);
            duplicates += one.duplicates + again.cardinality();
            seen.or(own);
            one.timeline.forEach((bucket, count) -> timeline.merge(bucket, count, Long::sum));
            latencies.add(one.latencies);
            first = first == 0 || (one.firstMillis > 0 && one.firstMillis < first) ? one.firstMillis : first;
            stopped = Math.max(stopped, one.stoppedMillis);
            cpu = cpu == null || one.cpuSeconds == null ? null : cpu + one.cpuSeconds;
        }
        return new Tally(seen.toByteArray(), duplicates, timeline, latencies.counted(), first, stopped, cpu);
    }

    long distinct() {
        return BitSet.valueOf(seen).cardinality();
    }

    Latencies measured() {
        Latencies measured = new Latencies();
        measured.add(latencies);
        return measured;
    }

    /** Runs a second within each fifth of all runs, in their order. Within a bucket they count as evenly spread. */
    double[] fifths() {
        long total = timeline.values().stream().mapToLong(Long::longValue).sum();
        double[] rates = new double[FIFTHS];
        double from = firstMillis;
        for (int i = 0; i < FIFTHS; i++) {
            double until = millisAt((i + 1) * (double) total / FIFTHS);
            rates[i] = total / (double) FIFTHS / Math.max(1, until - from) * 1_000;
            from = until;
        }
        return rates;
    }

    private double millisAt(double runs) {
        double before = 0;
        for (Map.Entry<Long, Long> bucket : timeline.entrySet()) {
            if (before + bucket.getValue() >= runs) {
                return (bucket.getKey() + (runs - before) / bucket.getValue()) * BUCKET_MILLIS;
            }
            before += bucket.getValue();
        }
        return stoppedMillis;
    }
}
