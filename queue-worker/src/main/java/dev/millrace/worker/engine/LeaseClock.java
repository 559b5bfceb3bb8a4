package dev.millrace.worker.engine;

import java.time.Duration;

/**
 * What this process knows of its own lease, by the monotonic clock alone: it counts from before the last renewal that was
 * acknowledged was sent, so it ends here no later than on the server, whatever the network's delay. At half of the lease it is at
 * risk, at three quarters running jobs must stop. Thread-safe.
 */
public final class LeaseClock {

    private final long leaseNanos;
    private volatile long renewedNanos;

    /** A lease that was renewed at the moment given. */
    public LeaseClock(Duration lease, long nowNanos) {
        this.leaseNanos = lease.toNanos();
        this.renewedNanos = nowNanos;
    }

    /** A renewal that was sent at this moment has been acknowledged. */
    public void renewed(long sentNanos) {
        renewedNanos = sentNanos;
    }

    /** When the last renewal that was acknowledged was sent. */
    public long renewedNanos() {
        return renewedNanos;
    }

    /** Whether half of the lease is over. */
    public boolean isAtRisk(long nowNanos) {
        return nowNanos - renewedNanos >= leaseNanos / 2;
    }

    /** How long jobs should have stopped; negative while they may run. */
    public long nanosOver(long nowNanos) {
        return nowNanos - renewedNanos - leaseNanos / 4 * 3;
    }
}
