package dev.millrace.migrations;

import dev.millrace.migrations.SchemaStatus.Migration;
import dev.millrace.migrations.SchemaStatus.State;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.output.ValidateResult;

/**
 * Creates, upgrades and checks the job tables in one schema of one database. It lives beside an application's own
 * tables and its own Flyway, in the same schema too: the record of what it did is the table
 * {@code millrace_schema_history} there.
 *
 * <p>All failures are told apart by type: {@link SchemaException} where the schema is the problem;
 * {@link dev.millrace.error.MillraceException} with the {@link SQLException} as its cause where the database cannot be
 * reached (SQLSTATE class 08 or 28, 3D000, 53300, 57P01 to 57P03). Nothing is retried.
 *
 * <p>Immutable; safe for use by many threads and processes at once. It never closes the {@link DataSource}, and closes
 * every connection that it takes from it, in the state in which it got it. {@link #migrate()} takes up to three at a
 * time; it needs sessions of its own, not PgBouncer's transaction pooling.
 */
public final class Migrator {

    private static final Duration LOCK_PATIENCE = Duration.ofMinutes(5);

    private final DataSource dataSource;
    private final SchemaName schema;
    private final List<MigrationScript> scripts;
    private final Duration lockPatience;

    private Migrator(DataSource dataSource, SchemaName schema, List<MigrationScript> scripts, Duration lockPatience) {
        this.dataSource = dataSource;
        this.schema = schema;
        this.scripts = List.copyOf(scripts);
        this.lockPatience = lockPatience;
    }

    /**
     * A migrator for one schema; it connects when a method is called.
     *
     * @param dataSource connections to the database, as a user who may create the schema or owns it
     * @param schema where the job tables are or shall be
     */
    public static Migrator of(DataSource dataSource, SchemaName schema) {
        return new Migrator(dataSource, schema, MigrationScript.ALL, LOCK_PATIENCE);
    }

    /** With other migrations, and another patience with whoever else migrates. */
    static Migrator of(DataSource dataSource, SchemaName schema, List<MigrationScript> scripts, Duration lockPatience) {
        return new Migrator(dataSource, schema, scripts, lockPatience);
    }

    /**
     * Brings the schema to the version that this program needs; creates it if it does not exist. Where it is at that
     * version already, nothing is written. Of several processes that call this at once, one migrates and the others
     * wait for it, for at most five minutes. A schema installed by {@link #sql} is taken over as it is.
     *
     * <p>Each migration is one transaction, unless it builds an index concurrently; what failed can be tried again.
     *
     * @throws SchemaException if the schema is newer than this program, an applied migration is not the one that this
     *     program knows, a right is missing, a statement fails, or another process is migrating for too long
     * @throws dev.millrace.error.MillraceException if the database cannot be reached, with the {@link SQLException}
     */
    public MigrationResult migrate() {
        return migrate(migration -> {});
    }

    /**
     * As {@link #migrate()}, for whoever wants to see how far it has come.
     *
     * @param beforeEach is told, on this thread, what each migration is before it runs: {@code 2, job operations}
     */
    @SuppressWarnings("try") // the lock is held, not used
    public MigrationResult migrate(Consumer<String> beforeEach) {
        return withSession("migrate", session -> {
            int found = checkNotNewer(SchemaVersion.installed(session, schema));
            if (found == required()) {
                return new MigrationResult(found, found, 0);
            }
            try (MigrationLock lock = MigrationLock.acquire(session, schema, lockPatience)) {
                int from = checkNotNewer(SchemaVersion.installed(session, schema));
                if (from == required()) {
                    return new MigrationResult(from, from, 0);
                }
                createSchema(session);
                int applied = FlywayMigration.of(dataSource, schema, scripts, from, beforeEach)
                        .migrate()
                        .migrationsExecuted;
                int to = SchemaVersion.installed(session, schema);
                SchemaVersion.check(to, required(), schema);
                return new MigrationResult(from, to, applied);
            }
        });
    }

    /**
     * What is installed and what is still to be applied. Changes nothing; works where the schema does not exist.
     *
     * @throws SchemaException if the schema may not be read
     * @throws dev.millrace.error.MillraceException if the database cannot be reached, with the {@link SQLException}
     */
    public SchemaStatus status() {
        return withSession("read", session -> {
            int installed = SchemaVersion.installed(session, schema);
            Map<Integer, Instant> applied = installed == 0 ? new HashMap<>() : applied(session);
            List<Migration> migrations = new ArrayList<>();
            for (MigrationScript script : scripts) {
                Instant installedOn = applied.remove(script.version());
                State state = installedOn == null ? State.PENDING : State.APPLIED;
                migrations.add(new Migration(script.version(), script.description(), state, installedOn));
            }
            applied.forEach((version, installedOn) ->
                    migrations.add(new Migration(version, "of a newer release", State.UNKNOWN, installedOn)));
            migrations.sort(Comparator.comparingInt(Migration::version));
            return new SchemaStatus(schema, installed, required(), migrations);
        });
    }

    /**
     * Checks that the schema is at the version that this program needs, and that what was applied is what this program
     * would have applied. Changes nothing.
     *
     * @throws SchemaException if the schema is missing, older, newer, or an applied migration's checksum differs
     * @throws dev.millrace.error.MillraceException if the database cannot be reached, with the {@link SQLException}
     */
    public void validate() {
        withSession("check", session -> {
            int installed = SchemaVersion.installed(session, schema);
            SchemaVersion.check(installed, required(), schema);
            if (hasHistory(session)) {
                ValidateResult result = FlywayMigration.of(dataSource, schema, scripts, installed, migration -> {})
                        .validateWithResult();
                if (!result.validationSuccessful) {
                    String versions = String.join(
                            ", ",
                            result.invalidMigrations.stream()
                                    .map(invalid -> String.valueOf(invalid.version))
                                    .toList());
                    throw new SchemaException(
                            "Schema " + schema.quoted() + " was migrated with another text of migration " + versions
                                    + " than this program has (checksums differ): find out which release was applied");
                }
            }
            return installed;
        });
    }

    /**
     * The SQL that creates the schema and everything in it, for those who run DDL themselves: with psql, or by any driver
     * as one statement. Leaves search_path at the schema. Needs no database.
     */
    public static String sql(SchemaName schema) {
        StringBuilder sql = new StringBuilder();
        sql.append("-- Creates the job tables of Millrace, schema version ")
                .append(SchemaVersion.REQUIRED)
                .append(".\n-- All or nothing: psql --single-transaction --set ON_ERROR_STOP=1 --file …\n\n");
        sql.append("CREATE SCHEMA IF NOT EXISTS ").append(schema.quoted()).append(";\n");
        sql.append("SET search_path TO ").append(schema.quoted()).append(";\n");
        for (MigrationScript script : MigrationScript.ALL) {
            sql.append("\n-- ").append(script.fileName()).append("\n\n").append(script.text());
        }
        return sql.toString();
    }

    /** {@link #sql(SchemaName)} of this schema. */
    public String sql() {
        return sql(schema);
    }

    private int required() {
        return scripts.get(scripts.size() - 1).version();
    }

    private int checkNotNewer(int installed) {
        if (installed > required()) {
            SchemaVersion.check(installed, required(), schema);
        }
        return installed;
    }

    /** Asks first: {@code IF NOT EXISTS} needs the right to create even where there is nothing to create. */
    private void createSchema(Connection session) throws SQLException {
        if (!isTrue(session, "SELECT to_regnamespace(?) IS NOT NULL", schema.quoted())) {
            try (Statement statement = session.createStatement()) {
                statement.execute("CREATE SCHEMA IF NOT EXISTS " + schema.quoted());
            }
        }
    }

    private boolean hasHistory(Connection session) throws SQLException {
        return isTrue(
                session, "SELECT to_regclass(?) IS NOT NULL", schema.quoted() + "." + FlywayMigration.HISTORY_TABLE);
    }

    private Map<Integer, Instant> applied(Connection session) throws SQLException {
        Map<Integer, Instant> applied = new HashMap<>();
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT version, applied_at FROM " + schema.quoted() + ".millrace_version")) {
            while (row.next()) {
                applied.put(
                        row.getInt(1), row.getObject(2, OffsetDateTime.class).toInstant());
            }
        }
        return applied;
    }

    private static boolean isTrue(Connection session, String sql, String parameter) throws SQLException {
        try (PreparedStatement statement = session.prepareStatement(sql)) {
            statement.setString(1, parameter);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    private interface Task<T> {
        T run(Connection session) throws SQLException;
    }

    /** In auto-commit, whatever the pool's default: a transaction left open would block what it waits for. */
    private <T> T withSession(String task, Task<T> work) {
        try (Connection session = dataSource.getConnection()) {
            boolean autoCommit = session.getAutoCommit();
            session.setAutoCommit(true);
            try {
                return work.run(session);
            } finally {
                if (!autoCommit && !session.isClosed()) {
                    session.setAutoCommit(false);
                }
            }
        } catch (SQLException | FlywayException e) {
            throw MigrationFailure.of(task, schema, e);
        }
    }
}
