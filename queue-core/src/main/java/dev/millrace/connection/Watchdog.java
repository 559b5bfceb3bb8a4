package dev.millrace.connection;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kills links whose current operation is past its deadline. It is the only bound that also holds for writes, half
 * messages, TLS closes and logins. One daemon thread, which sleeps until the nearest deadline, but looks often
 * enough for those that come meanwhile; a look costs one volatile read a link.
 */
final class Watchdog implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);
    private static final long LONGEST_NANOS = 250_000_000L;
    private static final long SHORTEST_NANOS = 20_000_000L;

    private final Set<Link> links = ConcurrentHashMap.newKeySet();
    private final ConnectionMetrics metrics;
    private final Thread thread;
    private volatile long tickedNanos = System.nanoTime();
    private volatile boolean closed;

    Watchdog(String name, ConnectionMetrics metrics) {
        this.metrics = metrics;
        thread = new Thread(this::run, "millrace-watchdog-" + name);
        thread.setDaemon(true);
        thread.start();
    }

    void watch(Link link) {
        links.add(link);
    }

    void forget(Link link) {
        links.remove(link);
    }

    Set<Link> links() {
        return links;
    }

    /** When it last looked, by {@link System#nanoTime}. */
    long tickedNanos() {
        return tickedNanos;
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!closed) {
            LockSupport.parkNanos(this, untilNearest());
            long now = System.nanoTime();
            tickedNanos = now;
            for (Link link : links) {
                check(link, now);
            }
        }
    }

    private long untilNearest() {
        long now = System.nanoTime();
        long nearest = LONGEST_NANOS;
        for (Link link : links) {
            nearest = Math.min(nearest, link.nanosLeft(now));
        }
        return Math.max(SHORTEST_NANOS, nearest);
    }

    private void check(Link link, long now) {
        try {
            if (link.overdue(now)) {
                metrics.add(
                        link.isLent()
                                ? ConnectionMetrics.Counter.LEAKED_CONNECTIONS
                                : ConnectionMetrics.Counter.WATCHDOG_KILLS);
                link.kill("an operation ran past its deadline");
            }
        } catch (RuntimeException | Error bug) {
            // Without this thread no deadline holds any more.
            LOG.error("The watchdog met an unexpected error at link {} and goes on", link.id(), bug);
        }
    }
}
