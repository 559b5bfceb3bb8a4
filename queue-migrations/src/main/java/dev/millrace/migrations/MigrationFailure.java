package dev.millrace.migrations;

import dev.millrace.error.MillraceException;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientConnectionException;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tells trouble with the connection from trouble with the schema, and puts either into one sentence. */
final class MigrationFailure {

    private static final String INSUFFICIENT_PRIVILEGE = "42501";

    /** Besides the classes 08 and 28: no such database, too many connections, shutting down, crashed, starting up. */
    private static final Set<String> UNREACHABLE = Set.of("3D000", "53300", "57P01", "57P02", "57P03");

    private MigrationFailure() {}

    /**
     * What to throw for a failure of the driver or of Flyway.
     *
     * @param task what was attempted, as in "could not …"
     */
    static MillraceException of(String task, SchemaName schema, Throwable failure) {
        SQLException cause = sqlException(failure);
        String start = "Could not " + task + " schema " + schema.quoted();
        if (cause == null) {
            return new SchemaException(start + ": " + firstLine(failure), failure);
        }
        if (isConnectionTrouble(cause)) {
            return new MillraceException(
                    start + ", because the database cannot be reached: " + firstLine(cause)
                            + "; check that it is up and that URL, user and password are right",
                    cause);
        }
        if (INSUFFICIENT_PRIVILEGE.equals(cause.getSQLState())) {
            return new SchemaException(
                    start + ", because the database user lacks a right: " + firstLine(cause)
                            + "; migrate as the owner, or give an administrator the SQL that the sql command prints",
                    cause);
        }
        return new SchemaException(
                start + ": " + firstLine(cause) + " (SQLSTATE " + cause.getSQLState() + ")", failure);
    }

    private static boolean isConnectionTrouble(SQLException e) {
        // Pools throw these on their own account, without a state, when they get no connection.
        if (e instanceof SQLTransientConnectionException
                || e instanceof SQLNonTransientConnectionException
                || e instanceof SQLRecoverableException) {
            return true;
        }
        String state = Objects.requireNonNullElse(e.getSQLState(), "");
        return state.startsWith("08") || state.startsWith("28") || UNREACHABLE.contains(state);
    }

    /** The innermost: Flyway wraps with its own {@link SQLException}s, pools with theirs around the driver's. */
    private static @Nullable SQLException sqlException(Throwable failure) {
        SQLException found = null;
        for (Throwable at = failure; at != null; at = at.getCause()) {
            if (at instanceof SQLException sql && (found == null || sql.getSQLState() != null)) {
                found = sql;
            }
        }
        return found;
    }

    private static String firstLine(Throwable e) {
        String message = Objects.requireNonNullElse(e.getMessage(), e.getClass().getSimpleName());
        return message.strip()
                .lines()
                .findFirst()
                .orElse("")
                .replaceFirst("^(ERROR|FATAL): ", "")
                .replaceFirst("\\.$", "");
    }
}
