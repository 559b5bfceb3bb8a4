package dev.millrace.connection;

import java.io.IOException;
import java.net.Socket;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One physical connection, with the raw socket below it. {@link #kill} is the one way it ends: a single compare-and-set
 * picks one winner, which closes the raw socket first. Only that frees threads blocked in a read, a write or a TLS close
 * at once; {@code Connection.abort()} and {@code close()} can hang for ever under TLS. Safe for use by many threads.
 */
final class Link {

    enum Role {
        CONTROL,
        LISTEN,
        WORK
    }

    /** No deadline: nothing of ours is running on the link. */
    private static final long DISARMED = Long.MAX_VALUE;
    /** Not open yet. */
    private static final long NEVER = Long.MIN_VALUE;

    private final String id;
    private final Role role;
    private final long epoch;
    private final Consumer<Link> onEnd;
    private final ConnectionMetrics metrics;
    private final AtomicBoolean dead = new AtomicBoolean();
    private final AtomicBoolean ended = new AtomicBoolean();
    private volatile long deadlineNanos = DISARMED;
    private volatile long aliveNanos = NEVER;
    private volatile boolean lent;
    private volatile @Nullable SqlFunction<Boolean> beforeReturn;
    private volatile @Nullable Socket socket;
    private volatile @Nullable Connection connection;
    private volatile @Nullable String causeOfDeath;
    /** How the session plans; null where that is not known. */
    private volatile @Nullable Plans plans = Plans.FRESH;

    /**
     * A link that is not open yet.
     *
     * @param onEnd is told once, when the socket is closed or the connection is back with its owner
     */
    Link(String id, Role role, long epoch, ConnectionMetrics metrics, Consumer<Link> onEnd) {
        this.id = id;
        this.role = role;
        this.epoch = epoch;
        this.metrics = metrics;
        this.onEnd = onEnd;
    }

    String id() {
        return id;
    }

    Role role() {
        return role;
    }

    long epoch() {
        return epoch;
    }

    boolean isDead() {
        return dead.get();
    }

    /** A socket that the driver is about to connect; with several hosts the last one is the connection's. */
    void opening(Socket raw) {
        socket = raw;
        if (dead.get()) {
            closeQuietly(raw);
        }
    }

    /** The driver has connected. A link killed meanwhile stays dead: the late success is thrown away. */
    void opened(Connection opened) {
        connection = opened;
        if (dead.get()) {
            abort(opened);
        } else {
            aliveNanos = System.nanoTime();
        }
    }

    Connection connection() throws SQLException {
        Connection current = connection;
        if (current == null || dead.get()) {
            throw new SQLException(
                    "The connection was closed" + (causeOfDeath == null ? "" : ": " + causeOfDeath), "08003");
        }
        return current;
    }

    /** Bounds what the calling thread does on the link next: past the limit the watchdog kills the link. */
    void arm(Duration limit) {
        deadlineNanos = System.nanoTime() + limit.toNanos();
    }

    void disarm() {
        deadlineNanos = DISARMED;
    }

    /** As {@link #arm}, while the link is in the hands of a handler: past the limit it counts as leaked. */
    void lend(Duration limit) {
        lent = true;
        arm(limit);
    }

    /** The borrower is done with it. */
    void returned() {
        disarm();
        lent = false;
        aliveNanos = System.nanoTime();
    }

    boolean isLent() {
        return lent;
    }

    /** Has the statements that follow planned so; for the borrower. */
    void plan(Connection session, Plans wanted) throws SQLException {
        if (plans != wanted) {
            plans = null;
            wanted.applyTo(session);
            plans = wanted;
        }
    }

    /** When the other side last answered, by {@link System#nanoTime}. */
    long aliveNanos() {
        return aliveNanos;
    }

    /** Runs an operation that can't outlast the limit by more than a tick of the watchdog. */
    <T> T call(Duration limit, SqlFunction<T> operation) throws SQLException {
        arm(limit);
        try {
            T result = operation.apply(connection());
            aliveNanos = System.nanoTime();
            return result;
        } finally {
            disarm();
        }
    }

    boolean overdue(long nowNanos) {
        long deadline = deadlineNanos;
        return deadline != DISARMED && nowNanos - deadline > 0;
    }

    /** Until its deadline, negative if past it; as long as can be where there is none. */
    long nanosLeft(long nowNanos) {
        long deadline = deadlineNanos;
        return deadline == DISARMED ? Long.MAX_VALUE : deadline - nowNanos;
    }

    /** Ends the link: never blocks, never throws; all calls but the first do nothing. */
    void kill(String reason) {
        if (!dead.compareAndSet(false, true)) {
            return;
        }
        causeOfDeath = reason;
        try {
            Socket raw = socket;
            if (raw != null) {
                closeQuietly(raw);
            }
            Connection current = connection;
            if (current != null) {
                abort(current);
            }
        } finally {
            end();
        }
    }

    /** Whoever closes the socket, the driver or a pool included, ends the link. */
    void socketClosed(Socket closed) {
        if (connection != null && closed.equals(socket)) {
            if (dead.compareAndSet(false, true)) {
                causeOfDeath = "closed";
            }
            end();
        }
    }

    private void end() {
        if (ended.compareAndSet(false, true)) {
            onEnd.accept(this);
        }
    }

    /** The connection is back with its owner, unharmed; nothing of ours touches it any more. */
    void release() {
        if (dead.compareAndSet(false, true)) {
            causeOfDeath = "given back";
            end();
        }
    }

    /**
     * Says goodbye to the server if that is possible within the limit, then ends the link. Returns at once; the thread ends
     * with the goodbye or shortly after the limit.
     */
    Thread startClose(Duration limit) {
        arm(limit);
        Thread goodbye = new Thread(
                () -> {
                    Connection current = connection;
                    if (current != null && !dead.get()) {
                        try {
                            restore(current);
                            current.close();
                            // From here on it is its owner's again: nothing of ours may abort it.
                            release();
                        } catch (SQLException | RuntimeException serverIsGone) {
                            // A close that fails is never news: the kill below ends the link all the same.
                            metrics.add(ConnectionMetrics.Counter.CLOSE_ERRORS);
                        }
                    }
                    kill("closed");
                },
                "millrace-close-" + id);
        goodbye.setDaemon(true);
        goodbye.start();
        return goodbye;
    }

    /** What to undo before the connection goes back to somebody else's pool. */
    void beforeReturn(SqlFunction<Boolean> undo) {
        beforeReturn = undo;
    }

    private void restore(Connection current) throws SQLException {
        SqlFunction<Boolean> undo = beforeReturn;
        if (undo != null) {
            undo.apply(current);
        }
    }

    private void closeQuietly(Socket raw) {
        try {
            raw.close();
        } catch (IOException alreadyGone) {
            // Closing is all that is wanted.
            metrics.add(ConnectionMetrics.Counter.CLOSE_ERRORS);
        }
    }

    /**
     * Without an abort the driver's cleaner would later log a warning about the leaked connection. A connection of somebody
     * else's pool is closed too, which is how the pool gets to know; one that came after its link was given up is sound, and only
     * goes back.
     */
    private void abort(Connection current) {
        boolean sound = socket == null && aliveNanos == NEVER;
        Thread aborter = new Thread(() -> abortNow(current, sound), "millrace-abort-" + id);
        aborter.setDaemon(true);
        try {
            aborter.start();
        } catch (OutOfMemoryError noThread) {
            // The socket is closed, so nothing waits for this connection; its object is left to the driver's cleaner.
            metrics.add(ConnectionMetrics.Counter.CLOSE_ERRORS);
        }
    }

    private void abortNow(Connection current, boolean sound) {
        try {
            if (!sound) {
                current.abort(Runnable::run);
            }
        } catch (SQLException | RuntimeException | LinkageError serverIsGone) {
            metrics.add(ConnectionMetrics.Counter.CLOSE_ERRORS);
        }
        if (socket == null) {
            try {
                current.close();
            } catch (SQLException | RuntimeException serverIsGone) {
                metrics.add(ConnectionMetrics.Counter.CLOSE_ERRORS);
            }
        }
    }
}
