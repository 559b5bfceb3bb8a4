package dev.millrace.worker.doctor;

import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Supervisor;
import dev.millrace.error.MillraceException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Looks whether a database is fit for a queue: server, schema, rights, connections, notifications, settings, what keeps dead rows
 * from being removed, history, workers and queues. It changes nothing, uses two connections for as long as it looks, and each
 * check costs at most {@link dev.millrace.connection.Timeouts#statement} on the server. A check that this role may not make is a
 * warning that says so. Immutable and safe for use by many threads.
 */
public final class Doctor {

    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);

    private final Database database;
    private final Clock clock;
    private final Duration longSnapshot;

    private Doctor(Database database, Clock clock, Duration longSnapshot) {
        this.database = database;
        this.clock = clock;
        this.longSnapshot = longSnapshot;
    }

    /** A doctor for this database; the budget of connections is judged for processes with its pool size. */
    public static Doctor of(Database database) {
        return new Doctor(database, Clock.systemUTC(), Duration.ofMinutes(1));
    }

    Doctor withClock(Clock other) {
        return new Doctor(database, other, longSnapshot);
    }

    /** From when on a snapshot is worth a warning. */
    Doctor withLongSnapshot(Duration least) {
        return new Doctor(database, clock, least);
    }

    /**
     * Connects, looks, and disconnects; takes at most about a minute, most often less than a second.
     *
     * @throws DatabaseUnavailableException if the database is not reached in time, is read-only, or goes away meanwhile
     * @throws dev.millrace.migrations.SchemaException if the schema is missing, older or newer than this release needs
     */
    public Report examine() {
        List<Finding> findings = new ArrayList<>();
        try (Supervisor supervisor = Supervisor.connect(database, null, CONNECT_LIMIT)) {
            for (Check check : checks()) {
                findings.addAll(supervised(supervisor, () -> supervisor.control(on -> looked(on, check)), check));
            }
            findings.addAll(new WakeUpCheck(supervisor).look());
        } catch (DatabaseUnavailableException refused) {
            Finding finding = missingRight(refused.getCause());
            if (finding == null) {
                throw refused;
            }
            findings.add(finding);
        }
        return new Report(database.toString(), database.schema().value(), findings);
    }

    /**
     * As {@link #examine()}, over the pool of a process that works: opens no connection, and leaves the wake-up out, which that process
     * sees by itself.
     *
     * @throws DatabaseUnavailableException if the database is away, or goes away meanwhile
     */
    public Report examine(Supervisor working) {
        List<Finding> findings = new ArrayList<>();
        for (Check check : checks()) {
            findings.addAll(supervised(working, () -> working.work(on -> looked(on, check)), check));
        }
        return new Report(database.toString(), database.schema().value(), findings);
    }

    private List<Check> checks() {
        return List.of(
                new VersionCheck(database.schema()),
                new PermissionCheck(database.schema()),
                new ConnectionCheck(database.poolSize()),
                new ClockCheck(clock),
                new SettingCheck(),
                new SnapshotCheck(longSnapshot),
                new VacuumCheck(database.schema()),
                new HistoryCheck(database.schema()),
                new WorkerCheck(database.schema()),
                new QueueCheck(database.schema()));
    }

    /** Without the right to read the schema nothing of ours can be looked at, and the reason is not that it is unreachable. */
    private static @Nullable Finding missingRight(@Nullable Throwable cause) {
        return cause instanceof SQLException sql && "42501".equals(sql.getSQLState())
                ? Finding.fail(
                        PermissionCheck.NAME,
                        Faults.brief(sql),
                        "GRANT USAGE ON SCHEMA … and rights on its tables to this role")
                : null;
    }

    @FunctionalInterface
    private interface Look {
        List<Finding> look() throws SQLException;
    }

    private static List<Finding> supervised(Supervisor supervisor, Look look, Check check) {
        try {
            return look.look();
        } catch (SQLException failure) {
            String message = "Looking at " + check.name() + " failed: " + Faults.brief(failure);
            if (Faults.classify(failure, Faults.Phase.USE).losesConnection()) {
                throw DatabaseUnavailableException.during(supervisor, message, failure, false);
            }
            throw new MillraceException(message, failure);
        }
    }

    /** What this role may not see, or this server does not have, or does not answer in time, is no reason to see nothing else. */
    private static List<Finding> looked(Connection connection, Check check) throws SQLException {
        try {
            return check.look(connection);
        } catch (SQLException failure) {
            return switch (Faults.classify(failure, Faults.Phase.USE)) {
                case SCHEMA -> notLooked(check, failure, "run this as the role that owns the schema, with pg_monitor");
                case TIMED_OUT -> notLooked(check, failure, "try again when the server is less busy");
                default -> throw failure;
            };
        }
    }

    private static List<Finding> notLooked(Check check, SQLException failure, String advice) {
        return List.of(Finding.warn(check.name(), "could not look: " + Faults.brief(failure), advice));
    }
}
