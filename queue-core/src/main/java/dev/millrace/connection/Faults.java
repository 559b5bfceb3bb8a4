package dev.millrace.connection;

import java.io.EOFException;
import java.io.InterruptedIOException;
import java.net.SocketException;
import java.security.cert.CertificateException;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Tells what an error means. SQLSTATE alone misleads: every TLS failure is 08006, every error of PgBouncer is 08P01, a
 * missing password is 08004. So SQLSTATE, cause chain and phase are read together. Stateless.
 */
public final class Faults {

    /** What was being done when the error came. */
    public enum Phase {
        CONNECT,
        USE,
        COMMIT
    }

    private static final Set<String> CONNECT_CONFIGURATION =
            Set.of("08004", "28P01", "28000", "3D000", "42501", "3F000", "42704");

    private Faults() {}

    /** Never throws; an error that says nothing is taken as a lost connection, the only answer that is always safe. */
    public static FaultClass classify(Throwable error, Phase phase) {
        SQLException sql = sqlException(error);
        if (sql == null) {
            return error instanceof Exception ? FaultClass.RECONNECT : FaultClass.CALLER;
        }
        String state = sql.getSQLState();
        if (state == null) {
            return sql instanceof SQLTimeoutException ? FaultClass.TIMED_OUT : FaultClass.RECONNECT;
        }
        if (phase == Phase.CONNECT) {
            if (CONNECT_CONFIGURATION.contains(state) || (state.equals("08006") && isTlsRefusal(sql))) {
                return FaultClass.CONFIGURATION;
            }
        }
        if (phase == Phase.COMMIT && (state.startsWith("08") || state.startsWith("57P"))) {
            return FaultClass.UNKNOWN_RESULT;
        }
        return switch (state) {
            case "08P01" -> FaultClass.OVERLOAD;
            case "08007", "40003" -> FaultClass.UNKNOWN_RESULT;
            case "57P03", "55000" -> FaultClass.STARTUP;
            case "57P01", "57P02", "57P05", "25P03", "25P04" -> FaultClass.RECONNECT;
            case "57P04" -> FaultClass.CONFIGURATION;
            case "57014", "55P03" -> FaultClass.TIMED_OUT;
            case "40001", "40P01" -> FaultClass.CONFLICT;
            case "25006" -> FaultClass.FAILOVER;
            case "54000" -> FaultClass.OVERLOAD;
            case "42P01", "42703", "42883", "42501", "3F000" -> FaultClass.SCHEMA;
            default -> byClass(state);
        };
    }

    /** What the server lacks or what its machine does to it is never the caller's fault: the caller would give up a job for it. */
    private static FaultClass byClass(String state) {
        return switch (state.length() < 2 ? state : state.substring(0, 2)) {
            case "08", "58", "XX" -> FaultClass.RECONNECT;
            case "53" -> FaultClass.OVERLOAD;
            default -> FaultClass.CALLER;
        };
    }

    /** The first {@link SQLException} in the cause chain, null where there is none. */
    static @Nullable SQLException sqlException(@Nullable Throwable error) {
        int depth = 0;
        for (Throwable cause = error; cause != null && depth < 20; cause = cause.getCause(), depth++) {
            if (cause instanceof SQLException sql) {
                return sql;
            }
        }
        return null;
    }

    /** One line for a log or a message: SQLSTATE and first line of the text, without a stack trace. */
    public static String brief(Throwable error) {
        SQLException sql = sqlException(error);
        Throwable shown = sql == null ? error : sql;
        String message = shown.getMessage() == null
                ? shown.getClass().getSimpleName()
                : shown.getMessage().lines().findFirst().orElse("");
        return sql == null || sql.getSQLState() == null ? message : message + " [" + sql.getSQLState() + "]";
    }

    /** A handshake that broke off is the network's doing; one that was refused is for a person to mend. */
    private static boolean isTlsRefusal(SQLException sql) {
        boolean tls = false;
        int depth = 0;
        for (Throwable cause = sql; cause != null && depth < 20; cause = cause.getCause(), depth++) {
            if (cause instanceof EOFException
                    || cause instanceof SocketException
                    || cause instanceof InterruptedIOException) {
                return false;
            }
            tls |= cause instanceof SSLException || cause instanceof CertificateException;
        }
        String message = sql.getMessage();
        return tls || (message != null && message.contains("hostname"));
    }
}
