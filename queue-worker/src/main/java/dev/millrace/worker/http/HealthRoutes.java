package dev.millrace.worker.http;

import dev.millrace.connection.Health;
import dev.millrace.connection.PoolUsage;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.worker.Worker;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Whether a worker lives, and whether it can take work; for whoever restarts it or sends it traffic. Never asks the database. */
public final class HealthRoutes {

    private static final JacksonArgsCodec JSON = new JacksonArgsCodec();

    private HealthRoutes() {}

    /** {@code /health/live} and {@code /health/ready}; the worker need not be started yet. */
    public static List<Route> of(Worker worker) {
        return List.of(
                Route.open("/health/live", asked -> live(worker)), Route.open("/health/ready", asked -> ready(worker)));
    }

    /** Whoever restarts what is not live must not do so for an outage of the database: that would restart the whole fleet. */
    private static Reply live(Worker worker) {
        boolean live;
        try {
            live = worker.health().live();
        } catch (IllegalStateException notStarted) {
            live = true;
        }
        return json(live, Map.of("live", live));
    }

    private static Reply ready(Worker worker) {
        Health health;
        try {
            health = worker.health();
        } catch (IllegalStateException notStarted) {
            return json(false, Map.of("ready", false, "reason", "The worker is starting"));
        }
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("ready", health.ready());
        body.put("state", health.state());
        if (!health.ready()) {
            body.put("reason", reason(health));
        }
        body.put("seconds_in_state", seconds(health.since().toMillis()));
        body.put("epoch", health.epoch());
        body.put("retry_in_seconds", seconds(health.retryIn().toMillis()));
        PoolUsage pool = health.pool();
        body.put(
                "pool",
                Map.of(
                        "active", pool.active(),
                        "idle", pool.idle(),
                        "waiting", pool.waiting(),
                        "limit", pool.maximum()));
        return json(health.ready(), body);
    }

    private static String reason(Health health) {
        String error = health.lastError();
        return switch (health.state()) {
            case UP, DEGRADED -> "The worker is starting";
            case DRAINING -> "The worker is closing: it takes no new jobs";
            case CLOSED -> "The worker is closed";
            default -> "The database is not usable" + (error == null ? "" : ": " + error);
        };
    }

    private static double seconds(long millis) {
        return millis / 1_000.0;
    }

    private static Reply json(boolean good, Map<String, ?> body) {
        return Reply.json(good ? 200 : 503, JSON.encode(body) + "\n");
    }
}
