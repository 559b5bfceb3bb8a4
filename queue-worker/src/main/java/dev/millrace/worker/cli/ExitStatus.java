package dev.millrace.worker.cli;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.migrations.SchemaException;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** What the commands exit with: a contract that scripts rely on. */
final class ExitStatus {

    static final int DONE = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int UNREACHABLE = 3;
    static final int SCHEMA = 4;

    private ExitStatus() {}

    static int of(Throwable failure) {
        if (failure instanceof SchemaException) {
            // With another error behind it, a migration failed: that says nothing about the schema's version.
            return hasOtherCause(failure.getCause()) ? FAILED : SCHEMA;
        }
        if (failure instanceof DatabaseUnavailableException) {
            return UNREACHABLE;
        }
        if (failure.getCause() instanceof SQLException sql) {
            FaultClass fault = Faults.classify(sql, Faults.Phase.CONNECT);
            if (fault == FaultClass.SCHEMA) {
                return SCHEMA;
            }
            if (fault.losesConnection() || fault == FaultClass.OVERLOAD) {
                return UNREACHABLE;
            }
        }
        return failure instanceof IllegalArgumentException ? USAGE : FAILED;
    }

    private static boolean hasOtherCause(@Nullable Throwable cause) {
        return cause != null && (!(cause instanceof SchemaException same) || hasOtherCause(same.getCause()));
    }
}
