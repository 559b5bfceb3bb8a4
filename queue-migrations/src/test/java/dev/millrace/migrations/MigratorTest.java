package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.error.MillraceException;
import dev.millrace.migrations.SchemaStatus.Migration;
import dev.millrace.migrations.SchemaStatus.State;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.net.URL;
import java.net.URLClassLoader;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

@PostgresTest(migrated = false)
class MigratorTest {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final int MIGRATIONS = MigrationScript.ALL.size();
    private static final int NEXT = SchemaVersion.REQUIRED + 1;
    private static final String INSERT_NEXT = "INSERT INTO millrace_version VALUES (" + NEXT + ");";

    private final TestDatabase database;

    MigratorTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void migrate_freshThenAgain_appliesOnce() {
        Migrator migrator = migrator("fresh");

        assertThat(migrator.migrate()).isEqualTo(new MigrationResult(0, SchemaVersion.REQUIRED, MIGRATIONS));
        assertThat(migrator.migrate())
                .isEqualTo(new MigrationResult(SchemaVersion.REQUIRED, SchemaVersion.REQUIRED, 0));
        migrator.validate();
    }

    @Test
    void status_withoutSchema_isPendingAndCreatesNothing() {
        SchemaStatus status = migrator("absent").status();

        assertThat(status.installed()).isZero();
        assertThat(status.required()).isEqualTo(SchemaVersion.REQUIRED);
        assertThat(status.isCurrent()).isFalse();
        assertThat(status.migrations())
                .hasSize(MIGRATIONS)
                .startsWith(new Migration(1, "job tables", State.PENDING, null))
                .allSatisfy(migration -> assertThat(migration.state()).isEqualTo(State.PENDING));
        assertThat(database.queryLong("SELECT count(*) FROM pg_namespace WHERE nspname = 'absent'"))
                .isZero();
    }

    @Test
    void status_afterMigrate_isApplied() {
        Migrator migrator = migrator("current");
        migrator.migrate();

        SchemaStatus status = migrator.status();

        assertThat(status.isCurrent()).isTrue();
        assertThat(status.schema()).isEqualTo(new SchemaName("current"));
        assertThat(status.migrations()).hasSize(MIGRATIONS).allSatisfy(migration -> {
            assertThat(migration.state()).isEqualTo(State.APPLIED);
            assertThat(migration.installedOn()).isNotNull();
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"My \"odd\" schema", "MixedCase", "with space", "select", "a.b", "it's", "\"", "größe", "a,b"})
    void migrate_oddSchemaName_putsEverythingThere(String name) {
        Migrator migrator = migrator(name);

        assertThat(migrator.migrate().applied()).isEqualTo(MIGRATIONS);
        assertThat(migrator.migrate().applied()).isZero();
        migrator.validate();

        TestDatabase inside = database.in(new SchemaName(name));
        inside.execute("INSERT INTO job (kind) VALUES ('k')");
        assertThat(inside.queryString("SELECT n.nspname FROM job j JOIN pg_class c ON c.oid = j.tableoid "
                        + "JOIN pg_namespace n ON n.oid = c.relnamespace"))
                .isEqualTo(name);
        assertThat(inside.queryLong("SELECT count(*) FROM millrace_schema_history WHERE version = '1'"))
                .isEqualTo(1);
    }

    @Test
    void validate_missingSchema_saysToMigrate() {
        assertThatThrownBy(() -> migrator("nowhere").validate())
                .isInstanceOf(SchemaException.class)
                .hasMessage(
                        "Schema \"nowhere\" has no job tables: run the migrate command, or Migrator.migrate(), first");
    }

    @Test
    void validate_versionRowDeleted_saysMissing() {
        Migrator migrator = migrator("emptied");
        migrator.migrate();
        in("emptied").execute("DELETE FROM millrace_version");

        assertThatThrownBy(migrator::validate)
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("has no job tables");
    }

    @Test
    void validate_olderSchema_saysWhichIsNeeded() {
        migrator("older").migrate();

        assertThatThrownBy(() -> withNext("older", INSERT_NEXT).validate())
                .isInstanceOf(SchemaException.class)
                .hasMessageStartingWith("Schema \"older\" is at version " + SchemaVersion.REQUIRED
                        + ", this program needs version " + NEXT + ": run");
    }

    @Test
    void newerSchema_isRefusedAndLeftAlone() {
        Migrator migrator = migrator("newer");
        migrator.migrate();
        in("newer").execute("INSERT INTO millrace_version VALUES (999)");

        assertThatThrownBy(migrator::validate)
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("is at version 999, newer than the version " + SchemaVersion.REQUIRED);
        assertThatThrownBy(migrator::migrate)
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("is at version 999, newer than the version " + SchemaVersion.REQUIRED);
        assertThat(migrator.status().migrations()).extracting(Migration::state).endsWith(State.APPLIED, State.UNKNOWN);
    }

    @Test
    void changedMigration_isFoundByValidateAndStopsMigrate() {
        Migrator migrator = migrator("changed");
        migrator.migrate();
        in("changed").execute("UPDATE millrace_schema_history SET checksum = checksum + 1 WHERE version = '1'");

        assertThatThrownBy(migrator::validate)
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("another text of migration 1 than");
        assertThatThrownBy(() -> withNext("changed", INSERT_NEXT).migrate())
                .isInstanceOf(SchemaException.class)
                .hasMessageStartingWith("Could not migrate schema \"changed\": ");
    }

    @Test
    void failingMigration_leavesVersionBefore_andCanBeRepeated() {
        migrator("broken").migrate();

        assertThatThrownBy(() ->
                        withNext("broken", "CREATE TABLE t (); SELECT 1/0;").migrate())
                .isInstanceOf(SchemaException.class)
                .hasMessage("Could not migrate schema \"broken\": division by zero (SQLSTATE 22012)");
        assertThat(migrator("broken").status().isCurrent()).isTrue();

        assertThat(withNext("broken", "CREATE TABLE t (); " + INSERT_NEXT).migrate())
                .isEqualTo(new MigrationResult(SchemaVersion.REQUIRED, NEXT, 1));
    }

    @Test
    void upgrade_fromVersion1_keepsJobsOfEveryPhase() {
        SchemaName schema = new SchemaName("upgraded");
        Migrator.of(database.dataSource(), schema, MigrationScript.ALL.subList(0, 1), PATIENCE)
                .migrate();
        TestDatabase inside = in("upgraded");
        inside.execute("""
                INSERT INTO job (kind, state, scheduled_at, attempted_by, attempted_at, finalized_at) VALUES
                    ('k', 'available', now(), NULL, NULL, NULL), ('k', 'scheduled', now() + interval '1 day', NULL, NULL, NULL),
                    ('k', 'running', now(), 'w', now(), NULL), ('k', 'completed', now(), 'w', now(), now()),
                    ('k', 'discarded', now(), 'w', now(), now() - interval '300 days')
                """);

        assertThat(migrator("upgraded").migrate())
                .isEqualTo(new MigrationResult(1, SchemaVersion.REQUIRED, MIGRATIONS - 1));

        assertThat(inside.queryLong("SELECT count(*) FROM job WHERE cancel_requested_at IS NULL"))
                .isEqualTo(5);
    }

    @Test
    void migrate_withoutRight_namesTheWayOut() {
        String role = database.name() + "_guest";
        database.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'guest'");
        try {
            PGSimpleDataSource guest = new PGSimpleDataSource();
            guest.setUrl(database.url());
            guest.setUser(role);
            guest.setPassword("guest");

            assertThatThrownBy(() ->
                            Migrator.of(guest, new SchemaName("forbidden")).migrate())
                    .isInstanceOf(SchemaException.class)
                    .hasMessage("Could not migrate schema \"forbidden\", because the database user lacks a right: "
                            + "permission denied for database " + database.name()
                            + "; migrate as the owner, or give an administrator the SQL that the sql command prints");
        } finally {
            database.execute("DROP ROLE " + role);
        }
    }

    @ParameterizedTest
    @CsvSource({"database, 3D000", "user, 28", "port, 08"})
    void unreachableDatabase_isNotASchemaProblem(String wrong, String state) {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(database.url());
        switch (wrong) {
            case "database" -> dataSource.setDatabaseName("no_such_database");
            case "user" -> dataSource.setUser("no_such_user");
            default -> dataSource.setPortNumbers(new int[] {1});
        }

        assertThatThrownBy(() -> Migrator.of(dataSource, SchemaName.DEFAULT).status())
                .isExactlyInstanceOf(MillraceException.class)
                .hasMessageContaining("because the database cannot be reached: ")
                .cause()
                .isInstanceOfSatisfying(
                        SQLException.class,
                        cause -> assertThat(cause.getSQLState()).startsWith(state));
    }

    @Test
    void migrate_whileLockIsHeldTooLong_givesUp() throws SQLException {
        SchemaName schema = new SchemaName("held");
        try (Connection other = database.connect()) {
            MigrationLock held = MigrationLock.acquire(other, schema, Duration.ZERO);
            Migrator impatient = Migrator.of(database.dataSource(), schema, MigrationScript.ALL, Duration.ofMillis(1));

            assertThatThrownBy(impatient::migrate)
                    .isInstanceOf(SchemaException.class)
                    .hasMessageContaining("Another process has been migrating schema \"held\"");

            held.close();
            assertThat(impatient.migrate().applied()).isEqualTo(MIGRATIONS);
        }
    }

    @Test
    void migrate_withForeignContextClassLoader_findsEverything() throws Exception {
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader empty = new URLClassLoader(new URL[0], null)) {
            Thread.currentThread().setContextClassLoader(empty);
            assertThat(migrator("foreign loader").migrate().applied()).isEqualTo(MIGRATIONS);
            Thread.currentThread().setContextClassLoader(null);
            assertThat(migrator("no loader").migrate().applied()).isEqualTo(MIGRATIONS);
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    @Test
    void migrate_pooledConnections_comeBackAsTheyWere() {
        RecordingDataSource pool = new RecordingDataSource(database.dataSource());
        Migrator migrator = Migrator.of(pool, new SchemaName("pooled"));

        migrator.migrate();
        migrator.validate();
        migrator.status();

        assertThat(pool.given()).isNotEmpty();
        assertThat(pool.returned()).isEqualTo(pool.given());
        assertThat(pool.mostAtOnce()).isLessThanOrEqualTo(3);
    }

    @Test
    void require_byDeletedAndNewerVersion_throws() throws SQLException {
        SchemaName schema = new SchemaName("required");
        migrator("required").migrate();
        try (Connection session = database.connect();
                Statement statement = session.createStatement()) {
            SchemaVersion.require(session, schema);

            statement.execute("INSERT INTO required.millrace_version VALUES (999)");
            assertThatThrownBy(() -> SchemaVersion.require(session, schema)).hasMessageContaining("newer");

            statement.execute("DELETE FROM required.millrace_version");
            assertThatThrownBy(() -> SchemaVersion.require(session, schema)).hasMessageContaining("no job tables");
        }
    }

    private TestDatabase in(String schema) {
        return database.in(new SchemaName(schema));
    }

    private Migrator migrator(String schema) {
        return Migrator.of(database.dataSource(), new SchemaName(schema));
    }

    /** Of a release to come. */
    private Migrator withNext(String schema, String sql) {
        List<MigrationScript> scripts = new ArrayList<>(MigrationScript.ALL);
        scripts.add(new MigrationScript("V" + NEXT + "__more.sql", sql));
        return Migrator.of(database.dataSource(), new SchemaName(schema), scripts, PATIENCE);
    }
}
