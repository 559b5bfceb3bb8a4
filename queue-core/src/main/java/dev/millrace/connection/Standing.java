package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the supervisor stands, and the place where threads wait for that to change. The supervisor's thread writes the state;
 * all others read it, wait on it, and report what they met. What belongs to an older epoch changes nothing. Thread-safe.
 */
final class Standing {

    private static final Logger LOG = LoggerFactory.getLogger(Standing.class);

    /**
     * What ended an epoch.
     *
     * @param fault its class
     * @param error what was met
     */
    record Loss(FaultClass fault, Throwable error) {}

    private final Database database;
    private final ConnectionMetrics metrics;
    private final LongSupplier nanoTime;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private State state = State.NEW;
    private long sinceNanos;
    private long retryNanos;
    private long epoch;
    private boolean draining;
    private boolean listenerWanted;
    private boolean notified;
    private boolean suspect;
    private @Nullable Link control;
    private @Nullable Throwable lastError;
    private FaultClass lastFault = FaultClass.RECONNECT;

    Standing(Database database, ConnectionMetrics metrics, LongSupplier nanoTime) {
        this.database = database;
        this.metrics = metrics;
        this.nanoTime = nanoTime;
        this.sinceNanos = nanoTime.getAsLong();
        this.retryNanos = sinceNanos;
    }

    State state() {
        return locked(this::shown);
    }

    private State shown() {
        if (state == State.CLOSED) {
            return state;
        }
        if (draining) {
            return State.DRAINING;
        }
        return state == State.UP && listenerWanted && !notified ? State.DEGRADED : state;
    }

    /** Whether operations can be tried: also with notifications missing, and while closing. */
    boolean isUsable() {
        return locked(() -> state == State.UP);
    }

    long epoch() {
        return locked(() -> epoch);
    }

    Health health(boolean live, @Nullable Budget budget, PoolUsage pool, @Nullable Duration listenerSilence) {
        return locked(() -> {
            long now = nanoTime.getAsLong();
            State shown = shown();
            Throwable error = lastError;
            return new Health(
                    live,
                    shown == State.UP || shown == State.DEGRADED,
                    shown,
                    Duration.ofNanos(now - sinceNanos),
                    epoch,
                    error == null || state == State.UP ? null : Faults.brief(error),
                    state == State.UP ? Duration.ZERO : Duration.ofNanos(Math.max(0, retryNanos - now)),
                    budget,
                    pool,
                    listenerSilence);
        });
    }

    /** Closing has begun: not ready for anything new, though still usable. */
    void drain() {
        locked(() -> {
            draining = true;
            sinceNanos = nanoTime.getAsLong();
            return state;
        });
    }

    /** Somebody listens from now on, or nobody any more. */
    void listener(boolean wanted) {
        locked(() -> {
            listenerWanted = wanted;
            notified = false;
            return state;
        });
    }

    /** Notes whether notifications arrive. */
    void notified(boolean arrive) {
        locked(() -> {
            boolean changes = notified != arrive;
            notified = arrive;
            if (changes && state == State.UP) {
                sinceNanos = nanoTime.getAsLong();
            }
            return state;
        });
    }

    /** A new epoch begins. */
    long begin() {
        return locked(() -> {
            epoch++;
            suspect = false;
            become(State.CONNECTING);
            return epoch;
        });
    }

    void validating() {
        locked(() -> become(State.VALIDATING));
    }

    void up(Link link) {
        locked(() -> {
            control = link;
            lastError = null;
            lastFault = FaultClass.RECONNECT;
            return become(State.UP);
        });
    }

    void failed(FaultClass fault, Throwable error, Duration retry) {
        boolean timeDoesNotMend = fault == FaultClass.CONFIGURATION || fault == FaultClass.SCHEMA;
        locked(() -> {
            control = null;
            lastError = error;
            lastFault = fault;
            retryNanos = nanoTime.getAsLong() + retry.toNanos();
            return become(timeDoesNotMend ? State.SUSPENDED : State.BACKOFF);
        });
    }

    /** The epoch is over. */
    Loss lost() {
        return locked(() -> {
            control = null;
            become(State.BACKOFF);
            return new Loss(
                    lastFault, lastError == null ? new SQLException("The connection was closed", "08003") : lastError);
        });
    }

    void close() {
        locked(() -> become(State.CLOSED));
    }

    /** Notes an error that the supervisor itself has met. */
    void met(FaultClass fault, Throwable error) {
        locked(() -> {
            lastError = error;
            lastFault = fault;
            return state;
        });
    }

    /** Notes an error that loses a connection, so that the supervisor looks at once whether the server still answers. */
    void suspect(@Nullable Link link, FaultClass fault, Throwable error) {
        locked(() -> {
            if (state == State.UP && (link == null || link.epoch() == epoch)) {
                suspect = true;
                lastError = error;
                lastFault = fault;
                changed.signalAll();
            } else {
                metrics.add(ConnectionMetrics.Counter.STALE_EPOCH_EVENTS);
            }
            return state;
        });
    }

    /** The class of what was reported since the last call, {@link FaultClass#CALLER} if nothing was. */
    FaultClass takeSuspicion() {
        return locked(() -> {
            FaultClass reported = suspect ? lastFault : FaultClass.CALLER;
            suspect = false;
            return reported;
        });
    }

    /** The control link while the database is usable; null otherwise. */
    @Nullable Link control() {
        lock.lock();
        try {
            return state == State.UP ? control : null;
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #control}, or throws why there is none. */
    Link requireUp() {
        lock.lock();
        try {
            Link link = control;
            if (state != State.UP || link == null) {
                throw unavailable();
            }
            return link;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the database is usable; with {@code failFast}, not for what time does not mend. */
    void awaitUp(Duration limit, boolean failFast) throws InterruptedException {
        long nanos = limit.toNanos();
        lock.lock();
        try {
            while (state != State.UP) {
                if (state == State.CLOSED || nanos <= 0 || (failFast && state == State.SUSPENDED)) {
                    throw unavailable();
                }
                nanos = changed.awaitNanos(nanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the time given, or until the database is usable in an epoch later than this one, or close. */
    void awaitLater(long than, Duration wait) throws InterruptedException {
        long nanos = wait.toNanos();
        lock.lock();
        try {
            while (nanos > 0 && state != State.CLOSED && !(state == State.UP && epoch > than)) {
                nanos = changed.awaitNanos(nanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /** The supervisor's own wait: for the time given, a suspicion, or close. */
    void park(Duration wait) {
        long nanos = wait.toNanos();
        lock.lock();
        try {
            while (nanos > 0 && state != State.CLOSED && !(state == State.UP && suspect)) {
                nanos = changed.awaitNanos(nanos);
            }
        } catch (InterruptedException interrupted) {
            // Nobody but close() ends the supervisor, and that sets the state: an interrupt must not stop the
            // supervision.
            LOG.debug("The supervisor of {} was interrupted and goes on", database);
        } finally {
            lock.unlock();
        }
    }

    private RuntimeException unavailable() {
        Throwable error = lastError;
        if (error instanceof SchemaException schema && state != State.CLOSED) {
            return new SchemaException(Faults.brief(schema), schema);
        }
        String why = state == State.CLOSED || error == null ? "" : ": " + Faults.brief(error);
        return new DatabaseUnavailableException(
                "The database " + database + " is not usable (" + state + ")" + why,
                error,
                state,
                Duration.ofNanos(nanoTime.getAsLong() - sinceNanos),
                Duration.ofNanos(Math.max(0, retryNanos - nanoTime.getAsLong())));
    }

    /** Closed is for ever. */
    private State become(State next) {
        if (state != State.CLOSED && state != next) {
            state = next;
            sinceNanos = nanoTime.getAsLong();
        }
        changed.signalAll();
        return state;
    }

    private <T> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }
}
