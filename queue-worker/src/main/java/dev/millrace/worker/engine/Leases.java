package dev.millrace.worker.engine;

import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The leases this process knows it holds, from the claim until their outcome is in the database. What the database has more than
 * these is from claims whose answer was lost. Thread-safe.
 */
final class Leases {

    private final Map<Long, Execution> byToken = new ConcurrentHashMap<>();
    /** Parked while there is no lease. */
    private volatile @Nullable Thread waiting;

    void add(Execution execution) {
        byToken.put(execution.job().token(), execution);
        Thread watcher = waiting;
        if (watcher != null) {
            LockSupport.unpark(watcher);
        }
    }

    /**
     * Parks the thread that watches the leases: for a tick while there are some, else until one comes, but no longer than the idle
     * time. For one thread.
     */
    void park(Duration tick, Duration idle) {
        if (!byToken.isEmpty()) {
            LockSupport.parkNanos(this, tick.toNanos());
            return;
        }
        waiting = Thread.currentThread();
        // A lease that came before this was seen did not unpark anybody.
        if (byToken.isEmpty()) {
            LockSupport.parkNanos(this, idle.toNanos());
        }
        waiting = null;
    }

    @Nullable Execution remove(LeasedJob job) {
        return byToken.remove(job.token());
    }

    boolean holds(long token) {
        return byToken.containsKey(token);
    }

    int size() {
        return byToken.size();
    }

    Collection<Execution> all() {
        return byToken.values();
    }
}
