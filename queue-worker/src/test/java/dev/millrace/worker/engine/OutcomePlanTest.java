package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Outcomes where what the planner knows of the running jobs is out of date, or what it reads are mostly those that have ended. */
@PostgresTest
class OutcomePlanTest {

    private static final int RUNNING = 20_000;

    private final TestDatabase database;
    private Supervisor supervisor;

    OutcomePlanTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() throws InterruptedException {
        database.execute("ALTER TABLE job_running SET (autovacuum_enabled = off)");
        supervisor = Supervisor.start(Database.of(database.url()));
        supervisor.awaitUp(Duration.ofSeconds(20));
    }

    @AfterEach
    void close() {
        supervisor.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 2_000})
    void running_vacuumedWhileNothingRan_areFoundById(int batch) throws SQLException {
        run();
        database.execute("DELETE FROM job_running");
        database.execute("VACUUM (ANALYZE) job_running");
        run();

        assertEachFindsItsOwn(batch);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 2_000})
    void running_amongManyThatHaveEnded_areFoundById(int batch) throws SQLException {
        run();
        database.execute("VACUUM (ANALYZE) job_running");
        for (int i = 0; i < 5; i++) {
            database.execute("DELETE FROM job_running");
            run();
        }

        assertEachFindsItsOwn(batch);
    }

    @Test
    void keys_vacuumedWhileNoneWasHeld_areNotReadForJobsWithout() throws SQLException {
        database.execute("ALTER TABLE unique_key SET (autovacuum_enabled = off)");
        hold();
        database.execute("DELETE FROM unique_key");
        database.execute("VACUUM (ANALYZE) unique_key");
        hold();
        run();
        database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, 100)");

        each(10, plan -> Explain.assertReads(plan, "unique_key", 0));
        JobTable table = new JobTable(SchemaName.DEFAULT);
        JsonNode claim = Explain.plan(
                supervisor,
                connection -> table.claim(
                        connection,
                        "default",
                        connection.createArrayOf("text", new String[] {"k"}),
                        10,
                        Explain.from(0),
                        "w"));
        Explain.assertReads(claim, "unique_key", 0);
    }

    private void hold() {
        database.execute(
                "INSERT INTO unique_key (key, job_id) SELECT decode(md5(n::text), 'hex'), n FROM generate_series(1, ?) AS n",
                RUNNING);
    }

    private void run() {
        database.execute("""
                INSERT INTO job (kind, state, attempt, attempted_at, attempted_by)
                SELECT 'k', 'running', 1, now(), 'w' FROM generate_series(1, ?)""", RUNNING);
    }

    private void assertEachFindsItsOwn(int batch) throws SQLException {
        each(batch, plan -> {
            Explain.assertReads(plan, "job_running", batch);
            assertThat(plan.path("Actual Rows").asInt())
                    .as(plan.toPrettyString())
                    .isEqualTo(batch);
        });
    }

    /** The plans of all statements by which jobs stop running. */
    private void each(int batch, Consumer<JsonNode> check) throws SQLException {
        JobTable table = new JobTable(SchemaName.DEFAULT);
        Settings settings = new Settings();
        settings.update(new Settings.Read(Map.of(), Map.of(Settings.Read.rule("", "completed"), true)));
        JobTable forgetful = new JobTable(SchemaName.DEFAULT, settings);
        List<LeasedJob> jobs =
                database.query("SELECT id, run_order FROM job_running ORDER BY random() LIMIT ?", batch).stream()
                        .map(row -> Leased.job((long) row.get("id"), (long) row.get("run_order")))
                        .toList();
        List<Outcome.Finalize> plain = jobs.stream()
                .map(job -> new Outcome.Finalize(job, "completed", null, null))
                .toList();
        List<Outcome.Finalize> withOutput = jobs.stream()
                .map(job -> new Outcome.Finalize(job, "completed", "{}", null))
                .toList();
        List<Outcome.Defer> failed = jobs.stream()
                .map(job -> new Outcome.Defer(job, "retryable", 1_000_000, null, false, "{}"))
                .toList();
        long[] ids = jobs.stream().mapToLong(LeasedJob::id).toArray();
        long[] tokens = jobs.stream().mapToLong(LeasedJob::token).toArray();
        check.accept(Explain.plan(supervisor, connection -> table.finish(connection, plain)));
        check.accept(Explain.plan(supervisor, connection -> forgetful.finish(connection, plain)));
        check.accept(Explain.plan(supervisor, connection -> table.finish(connection, withOutput)));
        check.accept(Explain.plan(supervisor, connection -> table.defer(connection, failed, new HashSet<>())));
        check.accept(Explain.plan(supervisor, connection -> table.release(connection, ids, tokens, new HashSet<>())));
    }
}
