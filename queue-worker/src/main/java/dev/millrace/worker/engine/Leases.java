package dev.millrace.worker.engine;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The leases this process knows it holds, from the claim until their outcome is in the database. What the database has more than
 * these is from claims whose answer was lost. Thread-safe.
 */
final class Leases {

    private final Map<Long, Execution> byToken = new ConcurrentHashMap<>();

    void add(Execution execution) {
        byToken.put(execution.job().token(), execution);
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
