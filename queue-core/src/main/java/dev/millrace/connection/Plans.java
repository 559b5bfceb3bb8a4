package dev.millrace.connection;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** How the statements of an operation are planned. */
public enum Plans {

    /** For what they meet, each time. */
    FRESH("SELECT set_config(name, reset_val, false) FROM pg_settings"
            + " WHERE name IN ('plan_cache_mode', 'enable_seqscan', 'enable_bitmapscan', 'enable_sort', 'jit')"),

    /**
     * Once in a session, and by plain index scans whatever the statistics say: for statements that run all the time and have an
     * index that was made for them. So the plan that was made while a queue was empty is the one for a backlog of millions too,
     * and rows are locked in the order of the index.
     */
    KEPT(
            "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),"
                    + " set_config('enable_bitmapscan', 'off', false), set_config('enable_sort', 'off', false),"
                    + " set_config('jit', 'off', false)");

    private final String settings;

    Plans(String settings) {
        this.settings = settings;
    }

    /** Prepares a session. In a transaction, a rollback undoes it. One statement. */
    public void prepare(Connection session) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet applied = statement.executeQuery(settings)) {
            if (!applied.next()) {
                throw new SQLException("The server did not say that it has applied " + settings);
            }
        }
    }
}
