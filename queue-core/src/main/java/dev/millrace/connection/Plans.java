package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/** How the statements of an operation are planned. */
public enum Plans {

    /** As the session was opened: in a worker's, for what each execution meets. */
    FRESH("RESET plan_cache_mode; RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort; RESET jit"),

    /**
     * Once in a session, and by plain index scans whatever the statistics say: for statements that run all the time and have an
     * index that was made for them. So the plan that was made while a queue was empty is the one for a backlog of millions too,
     * and rows are locked in the order of the index.
     */
    BY_INDEX(
            "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),"
                    + " set_config('enable_bitmapscan', 'off', false), set_config('enable_sort', 'off', false),"
                    + " set_config('jit', 'off', false)");

    private final String settings;

    Plans(String settings) {
        this.settings = settings;
    }

    /** Sets a session, in one round trip; in a transaction, a rollback undoes it. */
    public void applyTo(Connection session) throws SQLException {
        try (Statement statement = session.createStatement()) {
            statement.execute(settings);
        }
    }
}
