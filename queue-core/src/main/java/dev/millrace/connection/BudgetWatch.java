package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Compares what the process may use with what the server has, now and then, and says once what to change. Thread-safe. */
final class BudgetWatch {

    private static final Logger LOG = LoggerFactory.getLogger(BudgetWatch.class);
    private static final long INTERVAL_NANOS = Duration.ofMinutes(10).toNanos();
    private static final long FULL_TOLD_NANOS = Duration.ofMinutes(1).toNanos();

    private final Database database;
    private final int needed;
    private final Consumer<ConnectionEvent> events;
    private final AtomicLong fullToldNanos = new AtomicLong();
    private volatile @Nullable Budget budget;
    private volatile long readNanos;
    private @Nullable String told;

    BudgetWatch(Database database, int needed, Consumer<ConnectionEvent> events) {
        this.database = database;
        this.needed = needed;
        this.events = events;
    }

    /** What was read last; null before the first time. */
    @Nullable Budget budget() {
        return budget;
    }

    boolean isDue() {
        return readNanos == 0 || System.nanoTime() - readNanos > INTERVAL_NANOS;
    }

    Budget read(Connection connection) throws SQLException {
        // Also where it fails: it is not worth a try at each step.
        readNanos = System.nanoTime() | 1;
        Budget read = Budget.read(connection, needed);
        budget = read;
        String warning = read.warning();
        if (warning != null && !warning.equals(told)) {
            LOG.warn("{} may run short of what jobs need. {}", database, warning);
            events.accept(new ConnectionEvent.BudgetExceeded(warning));
        }
        told = warning;
        return read;
    }

    /** The server had no connection left; told at most once a minute. */
    void full(SQLException failure, int target) {
        long now = System.nanoTime();
        long before = fullToldNanos.get();
        if ((before == 0 || now - before > FULL_TOLD_NANOS) && fullToldNanos.compareAndSet(before, now | 1)) {
            LOG.warn(
                    "The server at {} has no connection left for the pool, which makes do with {} for now: {}",
                    database,
                    target,
                    Faults.brief(failure));
            events.accept(new ConnectionEvent.BudgetExceeded(Faults.brief(failure)));
        }
    }
}
