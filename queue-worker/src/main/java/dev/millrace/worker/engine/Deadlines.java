package dev.millrace.worker.engine;

import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.Supervisor;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stops handlers whose time is over: that of their job, or that of the lease of this worker. Needs no database, since the second
 * happens without one. A handler that does not stop for its job's sake is given up: the job goes on, the thread keeps its slot. When {@link LeaseClock} says so every running job is cancelled, then interrupted. This is an optimisation:
 * what makes a late handler harmless is the fence.
 */
final class Deadlines implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Deadlines.class);

    private static final Duration TICK = Duration.ofMillis(100);
    /** While there is nothing to watch; a lease that comes ends the wait. */
    private static final Duration IDLE = Duration.ofSeconds(10);
    /** Between the cancel, which a handler may ask for, and the interrupt, which it gets. */
    private static final long INTERRUPT_AFTER_NANOS = Duration.ofMillis(500).toNanos();

    private final Leases leases;
    private final LeaseClock lease;
    private final Supervisor supervisor;
    private final Duration abandonAfter;
    private final Consumer<Execution> abandon;
    private final Thread thread;
    private volatile boolean closed;
    private long riskTold;

    /**
     * Deadlines that are not watched yet.
     *
     * @param abandonAfter how long after it was asked a handler has to stop
     * @param abandon gives up a handler that did not
     */
    Deadlines(
            Supervisor supervisor,
            Leases leases,
            LeaseClock lease,
            Duration abandonAfter,
            Consumer<Execution> abandon) {
        this.supervisor = supervisor;
        this.leases = leases;
        this.lease = lease;
        this.abandonAfter = abandonAfter;
        this.abandon = abandon;
        this.thread = new Thread(
                this::run, "millrace-deadlines-" + supervisor.database().instance());
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void run() {
        while (!closed) {
            leases.park(TICK, IDLE);
            if (!closed) {
                tick();
            }
        }
    }

    private void tick() {
        try {
            long now = System.nanoTime();
            long overLease = lease.nanosOver(now);
            tellRisk(now);
            for (Execution execution : leases.all()) {
                stop(execution, Execution.Cause.TIMEOUT, execution.nanosOverTimeout(now));
                if (execution.cause() == Execution.Cause.OPERATOR) {
                    interruptIfDue(execution);
                }
                if (execution.isStuck(abandonAfter)) {
                    abandon.accept(execution);
                } else if (execution.isRunning()) {
                    if (stop(execution, Execution.Cause.LEASE, overLease)) {
                        supervisor.metrics().add(ConnectionMetrics.Counter.LEASES_ABANDONED);
                    }
                }
            }
        } catch (RuntimeException | Error bug) {
            // Without this thread no deadline holds any more.
            LOG.error("Watching deadlines met an unexpected error and goes on", bug);
        }
    }

    /** Once for each lease at risk: each renewal is a new lease. */
    private void tellRisk(long now) {
        long renewed = lease.renewedNanos();
        if (leases.size() > 0 && lease.isAtRisk(now) && renewed != riskTold) {
            riskTold = renewed;
            supervisor.tell(new ConnectionEvent.LeaseAtRisk(
                    leases.size(), Duration.ofNanos(Math.max(0, -lease.nanosOver(now)))));
        }
    }

    /** Returns true when the handler is asked for the first time. */
    private static boolean stop(Execution execution, Execution.Cause cause, long nanosOver) {
        if (nanosOver < 0) {
            return false;
        }
        boolean first = execution.cancel(cause);
        if (first) {
            LOG.warn("Job {} ({}) is cancelled: {}", execution.id(), execution.kind(), cause.text());
        }
        interruptIfDue(execution);
        return first;
    }

    /** Counted from the cancel: a process that was frozen finds the deadline long over, and its handlers still unasked. */
    private static void interruptIfDue(Execution execution) {
        if (execution.nanosSinceCancel(System.nanoTime()) > INTERRUPT_AFTER_NANOS) {
            execution.interrupt();
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
