package dev.millrace.worker.engine;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;

/**
 * The statements on the rows of workers and of the leader. All times are the database's, whose clock may be set: where it was
 * set back, leases that were given before would last for as long as that. Immutable.
 */
final class WorkerTable {

    private final String register;
    private final String renew;
    private final String remove;
    private final String lead;
    private final String resign;

    WorkerTable(SchemaName schema) {
        String s = schema.quoted();
        register = """
                INSERT INTO %s.worker (id, lease_expires_at, queues)
                VALUES (?, clock_timestamp() + ? * interval '1 millisecond', ?::jsonb)
                ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp(), lease_expires_at = excluded.lease_expires_at
                """.formatted(s);
        renew = """
                UPDATE %s.worker SET heartbeat_at = clock_timestamp(), lease_expires_at = clock_timestamp() + ? * interval '1 millisecond'
                WHERE id = ?
                """.formatted(s);
        remove = "DELETE FROM " + s + ".worker WHERE id = ?";
        // No lead lasts for a minute: one that seems to was given before the clock was set back, as was a heartbeat
        // from
        // the future. That worker's lease begins now; if it lives, it renews it soon.
        lead = """
                WITH set_back AS (
                    UPDATE %1$s.worker
                    SET heartbeat_at = clock_timestamp(), lease_expires_at = clock_timestamp() + (lease_expires_at - heartbeat_at)
                    WHERE heartbeat_at > clock_timestamp() + interval '5 seconds'
                )
                INSERT INTO %1$s.leader AS l (name, holder, term, expires_at)
                VALUES ('leader', ?, 1, clock_timestamp() + ? * interval '1 millisecond')
                ON CONFLICT (name) DO UPDATE
                SET holder = excluded.holder, expires_at = excluded.expires_at,
                    term = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END
                WHERE l.holder = excluded.holder
                    OR l.expires_at NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 minute'
                RETURNING term
                """.formatted(s);
        resign = "UPDATE " + s
                + ".leader SET expires_at = clock_timestamp() - interval '1 second' WHERE name = 'leader' AND holder = ?";
    }

    Void register(Connection connection, String id, Duration lease, String queuesJson) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(register)) {
            statement.setString(1, id);
            statement.setLong(2, lease.toMillis());
            statement.setString(3, queuesJson);
            statement.executeUpdate();
            return null;
        }
    }

    /** Returns false where the row is gone: someone has declared this worker dead. */
    boolean renew(Connection connection, String id, Duration lease) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(renew)) {
            statement.setLong(1, lease.toMillis());
            statement.setString(2, id);
            return statement.executeUpdate() == 1;
        }
    }

    Void remove(Connection connection, String id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(remove)) {
            statement.setString(1, id);
            statement.executeUpdate();
            return null;
        }
    }

    /** Takes or keeps the lead; returns the term, or 0 where another worker leads. */
    long lead(Connection connection, String id, Duration lease) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(lead)) {
            statement.setString(1, id);
            statement.setLong(2, lease.toMillis());
            try (ResultSet row = statement.executeQuery()) {
                return row.next() ? row.getLong(1) : 0;
            }
        }
    }

    /** Lets the next campaign succeed at once. */
    Void resign(Connection connection, String id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(resign)) {
            statement.setString(1, id);
            statement.executeUpdate();
            return null;
        }
    }
}
