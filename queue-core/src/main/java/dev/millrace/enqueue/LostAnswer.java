package dev.millrace.enqueue;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaException;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/**
 * Finds out whether an insert whose answer was lost was committed. The id was reserved before, so the job can be looked up;
 * the session that may still be at work is ended first, so that what is not there now will never be. Thread-safe.
 */
final class LostAnswer {

    /** What became of it. */
    enum Outcome {
        COMMITTED,
        NOT_COMMITTED,
        UNKNOWN
    }

    /**
     * The session that the insert was sent on.
     *
     * @param pid as the driver knows it; a pooler makes one up
     * @param name its {@code application_name}
     */
    record Session(int pid, String name) {

        static @Nullable Session of(Connection connection) throws SQLException {
            if (!connection.isWrapperFor(PGConnection.class)) {
                return null;
            }
            String name = connection.getClientInfo("ApplicationName");
            return name == null || name.isEmpty()
                    ? null
                    : new Session(connection.unwrap(PGConnection.class).getBackendPID(), name);
        }
    }

    private static final int END_MILLIS = 2_000;

    private final Supervisor supervisor;
    private final String exists;
    private final String leavesNoTrace;

    LostAnswer(Supervisor supervisor, SchemaName schema) {
        this.supervisor = supervisor;
        this.exists = "SELECT EXISTS (SELECT 1 FROM " + schema.quoted() + ".job WHERE id = ?)";
        this.leavesNoTrace = """
                SELECT EXISTS (
                    SELECT FROM %1$s.retention AS r
                    WHERE r.keep = interval '0' AND (q.name IS NULL OR r.queue = q.name
                        OR r.queue = '' AND NOT EXISTS (
                            SELECT FROM %1$s.retention AS own WHERE own.queue = q.name AND own.state = r.state)))
                FROM (SELECT ?::text AS name) AS q
                """.formatted(schema.quoted());
    }

    /**
     * Waits for the database for as long as one operation may take, not longer.
     *
     * @param queue of the job; null where it may be any
     */
    Outcome of(long id, @Nullable String queue, @Nullable Session session) {
        Duration limit = supervisor.database().timeouts().operation();
        try {
            return supervisor.workWithin(limit, connection -> look(connection, id, queue, session));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return Outcome.UNKNOWN;
        } catch (SQLException | DatabaseUnavailableException | SchemaException stillAway) {
            return Outcome.UNKNOWN;
        }
    }

    private Outcome look(Connection connection, long id, @Nullable String queue, @Nullable Session session)
            throws SQLException {
        boolean over = session != null && supervisor.isDirect() && endSession(connection, session);
        try (PreparedStatement statement = connection.prepareStatement(exists)) {
            statement.setLong(1, id);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                if (row.getBoolean(1)) {
                    return Outcome.COMMITTED;
                }
            }
        }
        return over && !mayHaveGone(connection, queue) ? Outcome.NOT_COMMITTED : Outcome.UNKNOWN;
    }

    /** Whether a job of the queue may have run and been deleted by now; of any queue, for null. */
    private boolean mayHaveGone(Connection connection, @Nullable String queue) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(leavesNoTrace)) {
            statement.setString(1, queue);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    /** Returns whether the session is gone for certain. */
    private static boolean endSession(Connection connection, Session session) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT coalesce(bool_and(pg_terminate_backend(pid, ?)), true) FROM pg_stat_activity"
                        + " WHERE pid = ? AND application_name = ? AND pid <> pg_backend_pid()")) {
            statement.setLong(1, END_MILLIS);
            statement.setInt(2, session.pid());
            statement.setString(3, session.name());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }
}
