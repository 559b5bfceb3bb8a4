package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Plans;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
        database.execute("TRUNCATE job, unique_key");
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

    /** One scan for all: for each key of its own it would go through the whole list of keys. */
    @ParameterizedTest
    @EnumSource
    void keys_ofManyJobsThatEnd_areFoundInOneScan(Plans plans) throws SQLException {
        database.execute("""
                INSERT INTO job (id, kind, state, attempt, attempted_at, attempted_by, unique_key, unique_states)
                SELECT n, 'k', 'running', 1, now(), 'w', decode(md5(n::text), 'hex'), '{}' FROM generate_series(1, ?) AS n""", RUNNING);
        hold();

        for (Explain.Statement outcome : outcomes(running(2_000))) {
            JsonNode plan = Explain.plan(supervisor, plans, outcome);
            Explain.assertReads(plan, "unique_key", 2_000);
            assertThat(Explain.scans(plan, "unique_key"))
                    .as(plan.toPrettyString())
                    .allSatisfy(scan ->
                            assertThat(scan.path("Actual Loops").asInt()).isLessThanOrEqualTo(1));
        }
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

    @ParameterizedTest
    @ValueSource(ints = {10, 2_000})
    void keptPlans_madeWhileTablesWereEmpty_areThoseOfFullOnes(int batch) throws SQLException {
        for (String partition : List.of("job_available", "unique_key", "queue")) {
            database.execute("ALTER TABLE " + partition + " SET (autovacuum_enabled = off)");
        }
        database.execute("VACUUM (ANALYZE) job_available, job_running, unique_key, queue");
        for (int i = 0; i < 10; i++) {
            for (Explain.Statement statement : hot(List.of(Leased.job(1, 1)))) {
                supervisor.work(Plans.BY_INDEX, connection -> rolledBack(connection, statement));
            }
        }
        hold();
        run();
        database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, ?)", RUNNING);

        for (Explain.Statement statement : hot(running(batch))) {
            long read = supervisor.work(Plans.BY_INDEX, connection -> rolledBack(connection, statement));
            assertThat(read).isLessThanOrEqualTo(4L * batch);
        }
        long kept = supervisor.work(
                Plans.BY_INDEX,
                connection -> number(
                        connection,
                        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%job_running%'"
                                + " AND generic_plans > 0 AND custom_plans = 0"));
        assertThat(kept).isEqualTo(6);
    }

    /** How many rows of the tables above it has read. */
    private static long rolledBack(Connection connection, Explain.Statement statement) throws SQLException {
        String read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
                + " WHERE relname IN ('job_available', 'job_running', 'unique_key', 'queue')";
        connection.setAutoCommit(false);
        try {
            long before = number(connection, read);
            statement.run(connection);
            return number(connection, read) - before;
        } finally {
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private static long number(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    /** All that a worker does over and over. */
    private static List<Explain.Statement> hot(List<LeasedJob> jobs) {
        JobTable table = new JobTable(SchemaName.DEFAULT);
        List<Explain.Statement> statements = new ArrayList<>(outcomes(jobs));
        statements.add(connection -> table.claim(
                connection,
                "default",
                connection.createArrayOf("text", new String[] {"k"}),
                jobs.size(),
                Explain.from(0),
                "w"));
        return statements;
    }

    private void each(int batch, Consumer<JsonNode> check) throws SQLException {
        for (Explain.Statement outcome : outcomes(running(batch))) {
            check.accept(Explain.plan(supervisor, outcome));
        }
    }

    private List<LeasedJob> running(int jobs) {
        return database.query("SELECT id, run_order FROM job_running ORDER BY random() LIMIT ?", jobs).stream()
                .map(row -> Leased.job((long) row.get("id"), (long) row.get("run_order")))
                .toList();
    }

    /** All statements by which jobs stop running. */
    private static List<Explain.Statement> outcomes(List<LeasedJob> jobs) {
        JobTable table = new JobTable(SchemaName.DEFAULT);
        Settings settings = new Settings();
        settings.update(new Settings.Read(Map.of(), Map.of(Settings.Read.rule("", "completed"), true)));
        JobTable forgetful = new JobTable(SchemaName.DEFAULT, settings);
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
        return List.of(
                connection -> table.finish(connection, plain),
                connection -> forgetful.finish(connection, plain),
                connection -> table.finish(connection, withOutput),
                connection -> table.defer(connection, failed, new HashSet<>()),
                connection -> table.release(connection, ids, tokens, new HashSet<>()));
    }
}
