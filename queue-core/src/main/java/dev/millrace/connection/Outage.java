package dev.millrace.connection;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says once when an outage begins, at most once a minute that it lasts, and once that it is over; of a database that comes and
 * goes, one line a minute. Stack traces at DEBUG only. Used by the supervisor's thread alone.
 */
final class Outage {

    private static final Logger LOG = LoggerFactory.getLogger(Outage.class);
    private static final long SUMMARY_NANOS = Duration.ofMinutes(1).toNanos();
    private static final long FLAPPING_NANOS = Duration.ofMinutes(5).toNanos();
    private static final int FLAPPING_OUTAGES = 3;

    private final Database database;
    private final ConnectionMetrics metrics;
    private final LongSupplier nanoTime;
    private final Deque<Long> begins = new ArrayDeque<>();
    private final Map<FaultClass, Integer> failures = new EnumMap<>(FaultClass.class);
    private long beganNanos;
    private long saidNanos;
    private int attempts;
    private @Nullable FaultClass fault;

    Outage(Database database, ConnectionMetrics metrics, LongSupplier nanoTime) {
        this.database = database;
        this.metrics = metrics;
        this.nanoTime = nanoTime;
    }

    void attempt() {
        attempts++;
    }

    void began(FaultClass fault, Throwable error, long epoch) {
        LOG.debug("Outage of {}", database, error);
        if (this.fault != null) {
            return;
        }
        begin(fault);
        if (isFlapping()) {
            flaps(error);
        } else {
            LOG.warn("Lost the database {} ({}, epoch {}): {}", database, fault, epoch, Faults.brief(error));
            saidNanos = beganNanos;
        }
    }

    void failed(FaultClass fault, Throwable error) {
        LOG.debug("Connecting to {} failed", database, error);
        long now = nanoTime.getAsLong();
        if (this.fault == null) {
            begin(fault);
            saidNanos = now;
            LOG.warn("Can't use the database {} ({}), will go on trying: {}", database, fault, Faults.brief(error));
        } else if (now - saidNanos > SUMMARY_NANOS) {
            saidNanos = now;
            LOG.warn(
                    "Still without the database {} after {} s and {} attempts, failed {}; last: {}",
                    database,
                    seconds(now),
                    attempts,
                    failures,
                    Faults.brief(error));
        }
        failures.merge(fault, 1, Integer::sum);
    }

    /** Returns how long it lasted; zero where there was none. */
    Duration ended() {
        Duration lasted = Duration.ZERO;
        if (fault != null) {
            long now = nanoTime.getAsLong();
            lasted = Duration.ofNanos(now - beganNanos);
            metrics.measure(ConnectionMetrics.Timer.OUTAGE, now - beganNanos);
            if (isFlapping()) {
                metrics.add(ConnectionMetrics.Counter.LOG_LINES_SUPPRESSED);
            } else {
                LOG.info(
                        "The database {} is back after {} s and {} attempts (leases lost so far: {})",
                        database,
                        seconds(now),
                        attempts,
                        metrics.count(ConnectionMetrics.Counter.LEASES_LOST));
            }
            fault = null;
        }
        attempts = 0;
        failures.clear();
        return lasted;
    }

    private void begin(FaultClass fault) {
        this.fault = fault;
        beganNanos = nanoTime.getAsLong();
        attempts = 0;
        metrics.add(ConnectionMetrics.Counter.OUTAGES);
        begins.addLast(beganNanos);
        while (beganNanos - begins.getFirst() > FLAPPING_NANOS) {
            begins.removeFirst();
        }
    }

    private boolean isFlapping() {
        return begins.size() >= FLAPPING_OUTAGES;
    }

    private void flaps(Throwable error) {
        if (begins.size() > FLAPPING_OUTAGES && beganNanos - saidNanos < SUMMARY_NANOS) {
            metrics.add(ConnectionMetrics.Counter.LOG_LINES_SUPPRESSED);
            return;
        }
        saidNanos = beganNanos;
        LOG.warn(
                "The database {} is flapping: {} outages within {} minutes, from now on told once a minute; last: {}",
                database,
                begins.size(),
                Duration.ofNanos(FLAPPING_NANOS).toMinutes(),
                Faults.brief(error));
    }

    private long seconds(long now) {
        return Duration.ofNanos(now - beganNanos).toSeconds();
    }
}
