package dev.millrace.worker.engine;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;

/** The row of the leader, and the statements that depend on who leads. All times are the database's. Immutable. */
final class LeaderTable {

    /** Longest lead of any worker. */
    static final Duration MAX_LEAD = Duration.ofSeconds(10);

    private final String channel;
    private final String held;
    private final String resign;
    private final String campaign;

    LeaderTable(SchemaName schema) {
        this.channel = schema.value();
        String s = schema.quoted();
        // A lead that would last longer than any is one of before the server's clock was set back: it is over.
        String live =
                "BETWEEN clock_timestamp() AND clock_timestamp() + interval '" + 2 * MAX_LEAD.toSeconds() + " seconds'";
        // Whoever can't win does not come to the conflict: that alone would lock the row and write.
        campaign = """
                INSERT INTO %1$s.leader AS l (name, holder, term, expires_at)
                SELECT 'leader', c.holder, 1, clock_timestamp() + ? * interval '1 millisecond'
                FROM (SELECT ?::text AS holder) AS c
                WHERE NOT EXISTS (
                    SELECT FROM %1$s.leader AS o WHERE o.name = 'leader' AND o.holder <> c.holder AND o.expires_at %2$s)
                ON CONFLICT (name) DO UPDATE
                SET holder = excluded.holder, expires_at = excluded.expires_at,
                    term = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END
                WHERE l.holder = excluded.holder OR l.expires_at NOT %2$s
                RETURNING term
                """.formatted(s, live);
        held = "SELECT EXISTS (SELECT FROM " + s + ".leader WHERE holder = ? AND term = ? AND expires_at " + live + ")";
        resign = """
                WITH resigned AS (
                    UPDATE %s.leader SET expires_at = clock_timestamp() - interval '1 second' WHERE name = 'leader' AND holder = ?
                    RETURNING name
                )
                SELECT pg_notify(?, name) FROM resigned
                """.formatted(s);
    }

    /** Takes or keeps the lead and returns the term; parameters are milliseconds and the worker. No row where another leads. */
    String campaign() {
        return campaign;
    }

    /** Whether this worker leads in this term, as the database sees it now. */
    boolean isHeld(Connection connection, String id, long term) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(held)) {
            statement.setString(1, id);
            statement.setLong(2, term);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    /** Lets the next campaign succeed at once, and calls for it. */
    Void resign(Connection connection, String id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(resign)) {
            statement.setString(1, id);
            statement.setString(2, channel);
            statement.execute();
            return null;
        }
    }
}
