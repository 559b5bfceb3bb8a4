package dev.millrace.connection;

import dev.millrace.migrations.SchemaVersion;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks whether the server at the other end can be used, and what stands in between. Used by the supervisor's thread alone. */
final class ServerCheck {

    private static final Logger LOG = LoggerFactory.getLogger(ServerCheck.class);

    private final Database database;
    private final Timeouts timeouts;
    private final Connector connector;
    private boolean sessionWarned;

    ServerCheck(Database database, Connector connector) {
        this.database = database;
        this.timeouts = database.timeouts();
        this.connector = connector;
    }

    /**
     * What a new epoch must pass.
     *
     * @throws SQLException with SQLSTATE 25006 if the server is read-only
     * @throws dev.millrace.migrations.SchemaException if the schema is missing, older or newer than needed
     */
    Void validate(Connection connection) throws SQLException {
        requireWritable(connection);
        int pid;
        boolean unlimited;
        try (Statement statement = connection.createStatement();
                ResultSet row =
                        statement.executeQuery("SELECT pg_backend_pid(), current_setting('statement_timeout') = '0'"
                                + " OR current_setting('idle_in_transaction_session_timeout') = '0'")) {
            row.next();
            pid = row.getInt(1);
            unlimited = row.getBoolean(2);
        }
        if (connection.isWrapperFor(PGConnection.class)) {
            PGConnection driver = connection.unwrap(PGConnection.class);
            // A pooler makes up the process id that it tells its clients.
            if (driver.getBackendPID() != pid) {
                connector.behindPooler();
            }
            if (connector.isBehindPooler()) {
                driver.setPrepareThreshold(0);
            }
        }
        if (unlimited && !sessionWarned) {
            sessionWarned = true;
            LOG.warn(
                    "Sessions of {} have no time limits{}: a client that vanishes may leave locks behind. Set them for the role: "
                            + "ALTER ROLE … SET statement_timeout = '{} ms', lock_timeout = '{} ms', "
                            + "idle_in_transaction_session_timeout = '{} ms'",
                    database,
                    connector.isBehindPooler() ? ", since a pooler drops what we ask for" : "",
                    timeouts.statement().toMillis(),
                    timeouts.lock().toMillis(),
                    timeouts.idleInTransaction().toMillis());
        }
        SchemaVersion.require(connection, database.schema());
        return null;
    }

    /** The probe of a quiet link; also notices a node that was demoted. */
    Void requireWritable(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")) {
            row.next();
            if (row.getBoolean(1)) {
                throw new SQLException("The server at " + database + " is read-only", "25006");
            }
        }
        return null;
    }
}
