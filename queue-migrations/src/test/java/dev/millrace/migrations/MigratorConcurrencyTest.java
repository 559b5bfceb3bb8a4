package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@PostgresTest(migrated = false)
@Timeout(120)
class MigratorConcurrencyTest {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final int NOW = SchemaVersion.REQUIRED;
    private static final int NEXT = NOW + 1;

    private static final List<MigrationScript> WITH_CONCURRENT_INDEX = Stream.concat(
                    MigrationScript.ALL.stream(),
                    Stream.of(new MigrationScript("V" + NEXT + "__concurrent_index.sql", """
                    CREATE INDEX CONCURRENTLY job_running_by_worker ON job_running (attempted_by);
                    INSERT INTO millrace_version (version) VALUES (%d);
                    """.formatted(NEXT))))
            .toList();

    private final TestDatabase database;

    MigratorConcurrencyTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void migrate_eightAtOnceOnEmptyDatabase_oneMigratesAllSucceed() throws Exception {
        SchemaName schema = new SchemaName("Crowd of 8");

        List<MigrationResult> results = inParallel(8, Migrator.of(database.dataSource(), schema));

        assertThat(results).extracting(MigrationResult::to).containsOnly(SchemaVersion.REQUIRED);
        assertThat(results).extracting(MigrationResult::applied).containsOnlyOnce(MigrationScript.ALL.size());
        assertThat(results.stream().mapToInt(MigrationResult::applied).sum()).isEqualTo(MigrationScript.ALL.size());
        Migrator.of(database.dataSource(), schema).validate();
    }

    @Test
    void migrate_indexConcurrentlyWithOthersWaitingAndIdle_buildsValidIndex() throws Exception {
        SchemaName schema = new SchemaName("indexed");
        Migrator.of(database.dataSource(), schema).migrate();
        try (Connection idle = database.connect();
                Statement statement = idle.createStatement()) {
            statement.execute("SELECT count(*) FROM indexed.job");

            List<MigrationResult> results =
                    inParallel(4, Migrator.of(database.dataSource(), schema, WITH_CONCURRENT_INDEX, PATIENCE));

            assertThat(results.stream().mapToInt(MigrationResult::applied).sum())
                    .isEqualTo(1);
        }
        assertThat(database.queryString(
                        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'indexed.job_running_by_worker'::regclass"))
                .isEqualTo("true");
    }

    @Test
    void migrate_indexConcurrentlyFromNothing_buildsValidIndex() {
        SchemaName schema = new SchemaName("at once");

        assertThat(Migrator.of(database.dataSource(), schema, WITH_CONCURRENT_INDEX, PATIENCE)
                        .migrate())
                .isEqualTo(new MigrationResult(0, NEXT, WITH_CONCURRENT_INDEX.size()));
    }

    @Test
    void migrate_installedByPrintedSql_continuesFromThere() throws SQLException {
        SchemaName schema = new SchemaName("By \"hand\"");
        try (Connection session = database.connect();
                Statement statement = session.createStatement()) {
            statement.execute(Migrator.sql(schema));
            SchemaVersion.require(session, schema);
        }
        Migrator migrator = Migrator.of(database.dataSource(), schema);
        migrator.validate();
        assertThat(migrator.status().isCurrent()).isTrue();
        assertThat(migrator.migrate()).isEqualTo(new MigrationResult(NOW, NOW, 0));

        Migrator next = Migrator.of(database.dataSource(), schema, WITH_CONCURRENT_INDEX, PATIENCE);
        assertThat(next.migrate()).isEqualTo(new MigrationResult(NOW, NEXT, 1));
        next.validate();
        assertThat(database.in(schema)
                        .query("SELECT version, type FROM millrace_schema_history ORDER BY installed_rank"))
                .extracting(row -> row.get("version") + " " + row.get("type"))
                .containsExactly(NOW + " BASELINE", NEXT + " SQL");
    }

    private static List<MigrationResult> inParallel(int count, Migrator migrator) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            CyclicBarrier start = new CyclicBarrier(count);
            List<Future<MigrationResult>> running = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                running.add(threads.submit(() -> {
                    start.await();
                    return migrator.migrate();
                }));
            }
            List<MigrationResult> results = new ArrayList<>();
            for (Future<MigrationResult> one : running) {
                results.add(one.get(90, TimeUnit.SECONDS));
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }
}
