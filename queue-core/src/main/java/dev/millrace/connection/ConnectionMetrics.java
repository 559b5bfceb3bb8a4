package dev.millrace.connection;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the supervisor counts and measures, to be read by any metrics library: names are the field's, durations are in
 * nanoseconds. Thread-safe; reading does not stop anyone.
 */
public final class ConnectionMetrics {

    /** What is counted, from the start of the process. */
    public enum Counter {
        /** Attempts to open a physical connection, whatever for. */
        CONNECT_ATTEMPTS,
        CONNECT_FAILURES,
        OUTAGES,
        /** Links that the watchdog killed because an operation ran past its deadline. */
        WATCHDOG_KILLS,
        /** Reports and late connects of an older epoch, which changed nothing. */
        STALE_EPOCH_EVENTS,
        /** Loops that went round too often and were made to wait. */
        SPIN_GUARD_TRIPS,
        /** Connections that handlers kept past their limit and that were killed. */
        LEAKED_CONNECTIONS,
        /** Sessions of ours that the server ended because they idled in a transaction: our mistake, or a handler's. */
        IDLE_IN_TRANSACTION_KILLS,
        HEARTBEAT_FAILURES,
        LEASES_ABANDONED,
        LEASES_LOST,
        /** Warnings that were folded into a later one. */
        LOG_LINES_SUPPRESSED,
        /** Errors of closing, which are never news. */
        CLOSE_ERRORS,
        EVENTS_DROPPED,
        /** What receivers of events threw. */
        EVENT_RECEIVER_FAILURES,
        /** Handlers that did not stop when asked: their jobs went on without them, their threads still run. */
        HANDLERS_ABANDONED,
        /** Commits whose answer was lost, and which were then looked up. */
        UNKNOWN_RESULTS
    }

    /** What is measured. */
    public enum Timer {
        CONNECT,
        /** Of whole outages, from the loss to the next time the database is usable. */
        OUTAGE,
        /** From the last sign of life to the loss. */
        DETECTION,
        /** Wait for a connection of the work pool. */
        POOL_WAIT,
        /** From sending a notification to ourselves to getting it. */
        NOTIFY_ROUND_TRIP
    }

    /**
     * Sum of what one timer has measured.
     *
     * @param count how many
     * @param totalNanos of all
     * @param maxNanos of the longest
     */
    public record Summary(long count, long totalNanos, long maxNanos) {}

    /**
     * One step of a cumulative histogram.
     *
     * @param upToNanos inclusive; {@link Long#MAX_VALUE} for the last, which counts all
     * @param count how many took no longer
     */
    public record Bucket(long upToNanos, long count) {}

    /** From a look-up in the same room to a long outage; the same for all timers, so that a binding needs no table of its own. */
    private static final long[] BOUNDS_MILLIS = {
        1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000
    };

    /** How many buckets a histogram has. */
    public static final int BUCKETS = BOUNDS_MILLIS.length + 1;

    private static final class Measured {
        private final LongAdder count = new LongAdder();
        private final LongAdder total = new LongAdder();
        private final AtomicLong max = new AtomicLong();
        private final LongAdder[] buckets = new LongAdder[BOUNDS_MILLIS.length + 1];

        Measured() {
            Arrays.setAll(buckets, i -> new LongAdder());
        }

        void add(long nanos) {
            count.increment();
            total.add(nanos);
            max.accumulateAndGet(nanos, Math::max);
            // Rounded up, or what took longer than a bound by less than a millisecond would count as within.
            int found = Arrays.binarySearch(BOUNDS_MILLIS, Math.floorDiv(nanos + 999_999, 1_000_000L));
            buckets[found < 0 ? -found - 1 : found].increment();
        }

        List<Bucket> cumulative() {
            List<Bucket> result = new ArrayList<>(buckets.length);
            long sum = 0;
            for (int i = 0; i < buckets.length; i++) {
                sum += buckets[i].sum();
                result.add(new Bucket(i < BOUNDS_MILLIS.length ? BOUNDS_MILLIS[i] * 1_000_000L : Long.MAX_VALUE, sum));
            }
            return result;
        }
    }

    private final Map<Counter, LongAdder> counters = new EnumMap<>(Counter.class);
    private final Map<Timer, Measured> timers = new EnumMap<>(Timer.class);
    private final Map<FaultClass, LongAdder> failures = new ConcurrentHashMap<>();

    ConnectionMetrics() {
        for (Counter counter : Counter.values()) {
            counters.put(counter, new LongAdder());
        }
        for (Timer timer : Timer.values()) {
            timers.put(timer, new Measured());
        }
    }

    /** How often it has happened so far. */
    public long count(Counter counter) {
        return adder(counter).sum();
    }

    /** What was measured so far. */
    public Summary measured(Timer timer) {
        Measured measured = measures(timer);
        return new Summary(measured.count.sum(), measured.total.sum(), measured.max.get());
    }

    /**
     * The same as a cumulative histogram with fixed bounds, from 1 ms to half an hour. Each bucket counts what the ones before
     * it count; the last one counts all, and may differ from a {@link Summary} read at another moment.
     */
    public List<Bucket> buckets(Timer timer) {
        return measures(timer).cumulative();
    }

    /** Upper bound of a bucket in seconds, as the label {@code le} of Prometheus has it: {@code 0.005}, and {@code +Inf} for the last. */
    public static String bucketSeconds(int index) {
        return index == BOUNDS_MILLIS.length ? "+Inf" : String.valueOf(BOUNDS_MILLIS[index] / 1e3);
    }

    /** Failed attempts to connect by class. */
    public Map<FaultClass, Long> connectFailures() {
        Map<FaultClass, Long> result = new EnumMap<>(FaultClass.class);
        failures.forEach((fault, count) -> result.put(fault, count.sum()));
        return result;
    }

    /** Adds one; for the library's own use. */
    public void add(Counter counter) {
        add(counter, 1);
    }

    /** Adds some; for the library's own use. */
    public void add(Counter counter, long amount) {
        adder(counter).add(amount);
    }

    private LongAdder adder(Counter counter) {
        return Objects.requireNonNull(counters.get(counter));
    }

    private Measured measures(Timer timer) {
        return Objects.requireNonNull(timers.get(timer));
    }

    void connectFailed(FaultClass fault) {
        add(Counter.CONNECT_FAILURES);
        failures.computeIfAbsent(fault, unseen -> new LongAdder()).increment();
    }

    void measure(Timer timer, long nanos) {
        measures(timer).add(nanos);
    }

    /** One line for a log or a test. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (Counter counter : Counter.values()) {
            if (count(counter) > 0) {
                text.append(counter.name().toLowerCase(Locale.ROOT))
                        .append('=')
                        .append(count(counter))
                        .append(' ');
            }
        }
        for (Timer timer : Timer.values()) {
            Summary summary = measured(timer);
            if (summary.count() > 0) {
                text.append(timer.name().toLowerCase(Locale.ROOT))
                        .append("_max=")
                        .append(Duration.ofNanos(summary.maxNanos()).toMillis())
                        .append("ms ");
            }
        }
        return text.toString().trim();
    }
}
