package dev.millrace.connection;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;

/** What loses a connection is for {@link Faults} to say; HikariCP would keep read-only ones, and log a stack trace for others. */
final class NeverEvict implements SQLExceptionOverride {

    @java.lang.Override
    public SQLExceptionOverride.Override adjudicate(SQLException sqlException) {
        return SQLExceptionOverride.Override.DO_NOT_EVICT;
    }
}
