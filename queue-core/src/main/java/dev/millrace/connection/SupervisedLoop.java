package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The skeleton of every background service: one daemon thread that repeats a step, parks on the supervisor while the database
 * is not usable, and is paced after a failure. No step retries or sleeps on its own account. {@link #stop} and
 * {@link #close} may be called from any thread, before start, and more than once.
 */
public final class SupervisedLoop implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(SupervisedLoop.class);
    private static final Duration PARK = Duration.ofDays(1);
    private static final long COMPLAINT_NANOS = Duration.ofMinutes(1).toNanos();

    /** One round of a service. */
    @FunctionalInterface
    public interface Step {
        /**
         * Does one round.
         *
         * @return how long to wait before the next step unless woken; zero only where this step moved something
         */
        Duration run() throws SQLException, InterruptedException;
    }

    private final String name;
    private final Supervisor supervisor;
    private final Step step;
    private final Duration longestPause;
    private final Backoff backoff = new Backoff(new SplittableRandom());
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition signal = lock.newCondition();
    private final Thread thread;
    /** More rounds in a second than any database can answer: only a mistake makes them. */
    private final SpinGuard guard =
            new SpinGuard(100_000, Duration.ofSeconds(1), Duration.ofMillis(100), System::nanoTime);

    private boolean woken;
    private volatile boolean stopped;
    private boolean failedBefore;
    private long complainedNanos;
    private boolean complained;

    public SupervisedLoop(String name, Supervisor supervisor, Step step) {
        this(name, supervisor, step, PARK);
    }

    /** As above, for a step that must not be put off for long, whatever goes wrong: never longer than this after a failure. */
    public SupervisedLoop(String name, Supervisor supervisor, Step step, Duration longestPause) {
        this.name = name;
        this.supervisor = supervisor;
        this.step = step;
        this.longestPause = longestPause;
        this.thread = new Thread(this::run, "millrace-" + name);
        this.thread.setDaemon(true);
    }

    public void start() {
        thread.start();
    }

    /** Cuts the current wait short; while a step runs, the next wait. Waking twice is as good as once. */
    public void wake() {
        lock.lock();
        try {
            woken = true;
            signal.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Asks the loop to end after the current step, without waiting for it. */
    public void stop() {
        stopped = true;
        wake();
    }

    public boolean isStopped() {
        return stopped;
    }

    /**
     * Waits until the loop has ended.
     *
     * @return false if it has not within the limit
     */
    public boolean join(Duration limit) {
        if (Thread.currentThread().equals(thread)) {
            return false;
        }
        boolean interrupted = Thread.interrupted();
        try {
            thread.join(Math.max(1, limit.toMillis()));
        } catch (InterruptedException whileWaiting) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    /** Stops, and waits for no longer than one operation may take. */
    @Override
    public void close() {
        stop();
        join(supervisor.database().timeouts().operation().plusSeconds(1));
    }

    private void run() {
        while (!stopped) {
            try {
                supervisor.awaitUp(PARK);
                if (stopped) {
                    return;
                }
                Duration pause = guard.round();
                if (!pause.isZero()) {
                    supervisor.metrics().add(ConnectionMetrics.Counter.SPIN_GUARD_TRIPS);
                    park(pause, false);
                }
                Duration wait = step.run();
                failedBefore = false;
                backoff.reset();
                park(wait, true);
            } catch (DatabaseUnavailableException | SchemaException unavailable) {
                if (supervisor.state() == State.CLOSED) {
                    return;
                }
                paced(FaultClass.RECONNECT, unavailable);
            } catch (SQLException failure) {
                paced(Faults.classify(failure, Faults.Phase.USE), failure);
            } catch (InterruptedException interrupted) {
                LOG.debug("{} was interrupted and ends", name);
                return;
            } catch (RuntimeException | Error bug) {
                LOG.error("{} met an unexpected error and goes on", name, bug);
                paced(FaultClass.CONFIGURATION, null);
            }
        }
    }

    /** The only wait after a failure. The first is short: most often one connection was lost and the next is good. */
    private void paced(FaultClass fault, @Nullable Exception failure) {
        if (failure != null) {
            complain(fault, failure);
        }
        Duration wait = failedBefore || !fault.losesConnection() ? backoff.next(fault) : Duration.ofMillis(50);
        failedBefore = true;
        park(wait.compareTo(longestPause) < 0 ? wait : longestPause, false);
    }

    /** What loses a connection or keeps it from being had is the supervisor's to tell; what else goes wrong, once a minute. */
    private void complain(FaultClass fault, Exception failure) {
        LOG.debug("{} failed ({})", name, fault, failure);
        long now = System.nanoTime();
        boolean told = fault.losesConnection() || failure instanceof SQLTransientConnectionException;
        if (!told && (!complained || now - complainedNanos > COMPLAINT_NANOS)) {
            complained = true;
            complainedNanos = now;
            LOG.warn("{} failed ({}) and will try again: {}", name, fault, Faults.brief(failure));
        }
    }

    private void park(Duration wait, boolean wakeable) {
        long nanos = wait.toNanos();
        lock.lock();
        try {
            while (nanos > 0 && !stopped && !(wakeable && woken)) {
                nanos = signal.awaitNanos(Math.min(nanos, TimeUnit.DAYS.toNanos(1)));
            }
            woken = false;
        } catch (InterruptedException interrupted) {
            stopped = true;
        } finally {
            lock.unlock();
        }
    }
}
