package dev.millrace.migrations;

import dev.millrace.error.MillraceException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;

/**
 * Lets one process at a time migrate a schema. A session lock on a connection that the caller lends and keeps in
 * auto-commit; it dies with that session.
 *
 * <p>It polls: a session that waits inside {@code pg_advisory_lock} holds a snapshot, for which the holder's
 * {@code CREATE INDEX CONCURRENTLY} would wait in turn, and PostgreSQL would end both as a deadlock.
 */
final class MigrationLock implements AutoCloseable {

    private static final long POLL_MILLIS = 100;

    private final Connection connection;
    private final String key;

    private MigrationLock(Connection connection, String key) {
        this.connection = connection;
        this.key = key;
    }

    /**
     * Takes the lock, waiting for whoever has it.
     *
     * @throws SchemaException if another process still holds it after {@code patience}
     */
    static MigrationLock acquire(Connection connection, SchemaName schema, Duration patience) throws SQLException {
        MigrationLock lock = new MigrationLock(connection, "millrace migrations of " + schema.quoted());
        long deadline = System.nanoTime() + patience.toNanos();
        while (!lock.call("pg_try_advisory_lock")) {
            if (System.nanoTime() >= deadline) {
                throw new SchemaException("Another process has been migrating schema " + schema.quoted()
                        + " for more than " + patience.toSeconds() + " s: wait for it to end, then try again");
            }
            pause(schema);
        }
        return lock;
    }

    @Override
    public void close() throws SQLException {
        // A session that is gone has no lock; the failure that ended it is the one to report.
        if (!connection.isClosed()) {
            call("pg_advisory_unlock");
        }
    }

    private boolean call(String function) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT " + function + "(hashtextextended(?, 0))")) {
            statement.setString(1, key);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    private static void pause(SchemaName schema) {
        try {
            Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MillraceException(
                    "Interrupted while another process migrated schema " + schema.quoted() + "; nothing was changed",
                    e);
        }
    }
}
