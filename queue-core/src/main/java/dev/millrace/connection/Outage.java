package dev.millrace.connection;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says once when an outage begins, at most once a minute that it lasts, and once that it is over. Stack traces at DEBUG only.
 * Used by the supervisor's thread alone.
 */
final class Outage {

    private static final Logger LOG = LoggerFactory.getLogger(Outage.class);
    private static final long SUMMARY_NANOS = Duration.ofMinutes(1).toNanos();

    private final Database database;
    private long beganNanos;
    private long saidNanos;
    private int attempts;
    private @Nullable FaultClass fault;

    Outage(Database database) {
        this.database = database;
    }

    void attempt() {
        attempts++;
    }

    void began(FaultClass fault, Throwable error, long epoch) {
        LOG.debug("Outage of {}", database, error);
        if (this.fault == null) {
            this.fault = fault;
            beganNanos = System.nanoTime();
            saidNanos = beganNanos;
            attempts = 0;
            LOG.warn("Lost the database {} ({}, epoch {}): {}", database, fault, epoch, Faults.brief(error));
        }
    }

    void failed(FaultClass fault, Throwable error) {
        LOG.debug("Connecting to {} failed", database, error);
        long now = System.nanoTime();
        if (this.fault == null) {
            this.fault = fault;
            beganNanos = now;
            saidNanos = now;
            LOG.warn("Can't use the database {} ({}), will go on trying: {}", database, fault, Faults.brief(error));
        } else if (now - saidNanos > SUMMARY_NANOS) {
            saidNanos = now;
            LOG.warn(
                    "Still without the database {} after {} s and {} attempts ({}): {}",
                    database,
                    seconds(now),
                    attempts,
                    fault,
                    Faults.brief(error));
        }
    }

    void ended() {
        if (fault != null) {
            LOG.info(
                    "The database {} is back after {} s and {} attempts",
                    database,
                    seconds(System.nanoTime()),
                    attempts);
            fault = null;
        }
        attempts = 0;
    }

    private long seconds(long now) {
        return Duration.ofNanos(now - beganNanos).toSeconds();
    }
}
