package dev.millrace.worker.engine;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The statements on the rows of workers. All times are the database's. Immutable. */
final class WorkerTable {

    private final String register;
    private final String renew;
    private final String remove;

    WorkerTable(SchemaName schema) {
        String s = schema.quoted();
        String settings = """
                ARRAY (SELECT q.name FROM %1$s.queue AS q WHERE q.slots IS NOT NULL ORDER BY q.name),
                ARRAY (SELECT q.slots FROM %1$s.queue AS q WHERE q.slots IS NOT NULL ORDER BY q.name),
                ARRAY (SELECT r.state FROM %1$s.retention AS r ORDER BY r.queue, r.state),
                ARRAY (SELECT r.queue FROM %1$s.retention AS r ORDER BY r.queue, r.state),
                ARRAY (SELECT r.keep = interval '0' FROM %1$s.retention AS r ORDER BY r.queue, r.state)
                """.formatted(s);
        register = """
                INSERT INTO %s.worker (id, lease_expires_at, queues, activity)
                VALUES (?, clock_timestamp() + ? * interval '1 millisecond', ?::jsonb, ?::jsonb)
                ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp(), lease_expires_at = excluded.lease_expires_at
                RETURNING %s
                """.formatted(s, settings);
        renew = """
                UPDATE %s.worker SET heartbeat_at = clock_timestamp(),
                    lease_expires_at = clock_timestamp() + ? * interval '1 millisecond', queues = ?::jsonb, activity = ?::jsonb
                WHERE id = ?
                RETURNING %s
                """.formatted(s, settings);
        remove = "DELETE FROM " + s + ".worker WHERE id = ?";
    }

    /**
     * What a worker tells with each beat, as JSON objects by queue.
     *
     * @param queues slots
     * @param activity what it is doing
     */
    record Report(String queues, String activity) {
        /** Of a worker without queues. */
        static final Report NOTHING = new Report("{}", "{}");
    }

    /** Makes the worker's row with a fresh lease; returns what is set for queues. */
    Settings.Read register(Connection connection, String id, Duration lease, Report report) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(register)) {
            statement.setString(1, id);
            statement.setLong(2, lease.toMillis());
            statement.setString(3, report.queues());
            statement.setString(4, report.activity());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return settings(row);
            }
        }
    }

    /** Renews the lease; returns what is set for queues, nothing where the row is gone: someone has declared this worker dead. */
    Optional<Settings.Read> renew(Connection connection, String id, Duration lease, Report report) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(renew)) {
            statement.setLong(1, lease.toMillis());
            statement.setString(2, report.queues());
            statement.setString(3, report.activity());
            statement.setString(4, id);
            try (ResultSet row = statement.executeQuery()) {
                return row.next() ? Optional.of(settings(row)) : Optional.empty();
            }
        }
    }

    private static Settings.Read settings(ResultSet row) throws SQLException {
        String[] queues = (String[]) row.getArray(1).getArray();
        Integer[] slots = (Integer[]) row.getArray(2).getArray();
        Map<String, Integer> slotsByQueue = new HashMap<>();
        for (int i = 0; i < queues.length; i++) {
            slotsByQueue.put(queues[i], slots[i]);
        }
        String[] states = (String[]) row.getArray(3).getArray();
        String[] ruled = (String[]) row.getArray(4).getArray();
        Boolean[] keptNothing = (Boolean[]) row.getArray(5).getArray();
        Map<String, Boolean> rules = new HashMap<>();
        for (int i = 0; i < states.length; i++) {
            rules.put(Settings.Read.rule(ruled[i], states[i]), keptNothing[i]);
        }
        return new Settings.Read(slotsByQueue, rules);
    }

    Void remove(Connection connection, String id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(remove)) {
            statement.setString(1, id);
            statement.executeUpdate();
            return null;
        }
    }
}
