package dev.millrace.worker.dashboard;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A worker as the database knows it. Immutable.
 *
 * @param live whether its lease lasts
 * @param leads whether it does the maintenance for all
 * @param queues what it works on
 */
record WorkerRow(
        String id, Instant startedAt, Instant heartbeatAt, boolean live, boolean leads, List<QueueUse> queues) {

    private static final int LIMIT = 500;

    /**
     * A queue of a worker.
     *
     * @param slots jobs at once
     * @param busy jobs that ran at its last heartbeat
     * @param finished jobs completed within the minute before
     * @param failed attempts failed within the minute before
     */
    record QueueUse(String name, long slots, long busy, long finished, long failed) {}

    /** The first {@value #LIMIT} by name. */
    static List<WorkerRow> list(Connection connection, String schema) throws SQLException {
        String sql = """
                SELECT w.id, w.started_at, w.heartbeat_at, w.lease_expires_at >= clock_timestamp() AS live,
                    l.holder IS NOT NULL AS leads, w.queues::text AS queues, w.activity::text AS activity
                FROM %1$s.worker AS w
                LEFT JOIN %1$s.leader AS l ON l.holder = w.id AND l.expires_at >= clock_timestamp()
                ORDER BY w.id LIMIT %2$s""".formatted(schema, LIMIT);
        List<WorkerRow> workers = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(sql);
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                workers.add(new WorkerRow(
                        row.getString("id"),
                        row.getObject("started_at", OffsetDateTime.class).toInstant(),
                        row.getObject("heartbeat_at", OffsetDateTime.class).toInstant(),
                        row.getBoolean("live"),
                        row.getBoolean("leads"),
                        queues(row.getString("queues"), row.getString("activity"))));
            }
        }
        return workers;
    }

    private static List<QueueUse> queues(String slots, String activity) {
        List<QueueUse> queues = new ArrayList<>();
        try {
            JsonNode doing = JsonMapper.shared().readTree(activity);
            JsonMapper.shared().readTree(slots).properties().forEach(entry -> {
                JsonNode at = doing.path(entry.getKey());
                queues.add(new QueueUse(
                        entry.getKey(),
                        entry.getValue().asLong(0),
                        at.path("busy").asLong(0),
                        at.path("finished").asLong(0),
                        at.path("failed").asLong(0)));
            });
            return queues;
        } catch (JacksonException writtenByOthers) {
            return List.of();
        }
    }
}
