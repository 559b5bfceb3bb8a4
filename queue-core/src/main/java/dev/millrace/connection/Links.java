package dev.millrace.connection;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Every link of a supervisor, from before its connect until its socket is closed: never more than the work lane's size and two.
 * Thread-safe.
 */
final class Links {

    /** Control and listener. */
    static final int BESIDES_POOL = 2;

    private static final AtomicLong IDS = new AtomicLong();
    /** A connection that goes frees its place a moment after the pool has begun to replace it. */
    private static final long REPLACE_MILLIS = 250;

    private final Database database;
    private final int most;
    private final Watchdog watchdog;
    private final ConnectionMetrics metrics;
    private final Consumer<Link> onEnd;
    private final Semaphore places;
    private volatile boolean closed;

    Links(Database database, Watchdog watchdog, ConnectionMetrics metrics, Consumer<Link> onEnd) {
        this.database = database;
        this.most = database.poolSize() + BESIDES_POOL;
        this.watchdog = watchdog;
        this.metrics = metrics;
        this.onEnd = onEnd;
        this.places = new Semaphore(most);
    }

    /** How many there are. */
    int open() {
        return most - places.availablePermits();
    }

    Set<Link> all() {
        return watchdog.links();
    }

    /** A link that is not connected yet. */
    Link create(Link.Role role, long epoch) throws SQLException {
        if (!takePlace(role)) {
            throw new SQLTransientConnectionException("All " + most + " connections are in use", "08001");
        }
        metrics.add(ConnectionMetrics.Counter.CONNECT_ATTEMPTS);
        Link link = new Link(Long.toString(IDS.incrementAndGet(), 36), role, epoch, metrics, this::ended);
        watchdog.watch(link);
        if (closed) {
            // Whoever closed has looked at the links before this one came, or will find it.
            link.kill("closed");
            throw new SQLException("The supervisor of " + database + " is closed", "08003");
        }
        return link;
    }

    private boolean takePlace(Link.Role role) {
        try {
            return role == Link.Role.WORK
                    ? places.tryAcquire(REPLACE_MILLIS, TimeUnit.MILLISECONDS)
                    : places.tryAcquire();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void ended(Link link) {
        watchdog.forget(link);
        onEnd.accept(link);
        places.release();
    }

    /** No link opens from now on. */
    void close() {
        closed = true;
    }

    void killAll(String reason) {
        for (Link link : watchdog.links()) {
            link.kill(reason);
        }
    }
}
