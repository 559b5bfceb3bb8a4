package dev.millrace.worker.engine;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stops handlers whose time is over: that of their job, or that of the lease of this worker. Needs no database, since the second
 * happens without one. The lease is counted by the monotonic clock from before its last renewal was sent, so it ends here no
 * later than on the server; at three quarters of it every running job is cancelled, then interrupted. This is an
 * optimisation: what makes a late handler harmless is the fence.
 */
final class Deadlines implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Deadlines.class);

    private static final Duration TICK = Duration.ofMillis(100);
    /** Between the cancel, which a handler may ask for, and the interrupt, which it gets. */
    private static final long INTERRUPT_AFTER_NANOS = Duration.ofMillis(500).toNanos();

    private final Leases leases;
    private final LongSupplier leaseRenewedNanos;
    private final long abandonAfterNanos;
    private final ScheduledExecutorService clock;

    /**
     * Deadlines that are not watched yet.
     *
     * @param leaseRenewedNanos when the last renewal that succeeded was sent, by {@link System#nanoTime}
     */
    Deadlines(String instance, Leases leases, Duration lease, LongSupplier leaseRenewedNanos) {
        this.leases = leases;
        this.leaseRenewedNanos = leaseRenewedNanos;
        this.abandonAfterNanos = lease.multipliedBy(3).dividedBy(4).toNanos();
        this.clock = Executors.newSingleThreadScheduledExecutor(runnable -> {
            Thread thread = new Thread(runnable, "millrace-deadlines-" + instance);
            thread.setDaemon(true);
            return thread;
        });
    }

    void start() {
        var unused = clock.scheduleWithFixedDelay(this::tick, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void tick() {
        try {
            long now = System.nanoTime();
            long overLease = now - leaseRenewedNanos.getAsLong() - abandonAfterNanos;
            for (Execution execution : leases.all()) {
                stop(execution, Execution.Cause.TIMEOUT, execution.nanosOverTimeout(now));
                if (execution.isRunning()) {
                    stop(execution, Execution.Cause.LEASE, overLease);
                }
            }
        } catch (RuntimeException bug) {
            // An exception would end the schedule for good, and silently.
            LOG.error("Watching deadlines met an unexpected error and goes on", bug);
        }
    }

    private static void stop(Execution execution, Execution.Cause cause, long nanosOver) {
        if (nanosOver < 0) {
            return;
        }
        if (execution.cancel(cause)) {
            LOG.warn("Job {} ({}) is cancelled: {}", execution.id(), execution.kind(), cause.text());
        }
        if (nanosOver > INTERRUPT_AFTER_NANOS) {
            execution.interrupt();
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
