package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/** The sessions of the benchmark itself, beside those of producers and workers. */
final class Sessions {

    /** The last of them is known since PostgreSQL 17. */
    private static final String UNLIMITED = """
            SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
                set_config('idle_session_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false),
                CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
                    THEN set_config('transaction_timeout', '0', false) END""";

    private Sessions() {}

    /**
     * A session that no limit of the server, the database or the user ends: it holds a snapshot or a lock for as long as the
     * benchmark runs, vacuums, and copies millions of rows. The caller closes it.
     */
    static Connection open(Database database) throws SQLException {
        Connection session = database.unpooled().getConnection();
        try (Statement statement = session.createStatement()) {
            statement.execute(UNLIMITED);
            return session;
        } catch (SQLException | RuntimeException failure) {
            session.close();
            throw failure;
        }
    }
}
