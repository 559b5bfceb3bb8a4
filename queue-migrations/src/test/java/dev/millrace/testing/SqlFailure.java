package dev.millrace.testing;

import java.sql.SQLException;

/** An {@link SQLException} in a test, unchecked; the cause is never null. */
public final class SqlFailure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String state;

    SqlFailure(String sql, SQLException cause) {
        super(cause.getMessage() + "\nin: " + sql, cause);
        this.state = String.valueOf(cause.getSQLState());
    }

    /** The five characters of the SQLSTATE. */
    public String state() {
        return state;
    }
}
