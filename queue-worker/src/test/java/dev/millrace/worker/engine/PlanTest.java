package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * Plans of the hot statements at 100,000 rows, on the very statements that the engine sends, with the session options that its
 * connections have: they read what they return and never a whole partition.
 */
@PostgresTest
class PlanTest {

    private static final int ROWS = 100_000;
    private static final int BATCH = 100;

    private static TestDatabase database;
    private static Supervisor supervisor;
    private static JobTable table;
    private static MaintenanceTable maintenance;

    @BeforeAll
    static void fill(TestDatabase given) throws InterruptedException {
        database = given;
        database.execute("INSERT INTO job (kind, args) SELECT 'known', '{}' FROM generate_series(1, ?)", ROWS);
        database.execute(
                "INSERT INTO job (kind, queue, priority) SELECT 'known', 'other', 1 + n % 4 FROM generate_series(1, ?) AS n",
                ROWS);
        database.execute("INSERT INTO worker (id, lease_expires_at) VALUES ('w', now() + interval '1 hour')");
        database.execute("""
                INSERT INTO job (kind, state, attempt, attempted_at, attempted_by)
                SELECT 'known', 'running', 1, now(), 'w' FROM generate_series(1, ?)""", ROWS);
        database.execute("""
                INSERT INTO job (kind, state, scheduled_at)
                SELECT 'known', 'scheduled', now() + n * interval '1 minute' - interval '50 minutes' FROM generate_series(1, ?) AS n""", ROWS);
        supervisor = Supervisor.start(Database.of(database.url()));
        supervisor.awaitUp(Duration.ofSeconds(20));
        table = new JobTable(SchemaName.DEFAULT);
        maintenance = new MaintenanceTable(SchemaName.DEFAULT);
    }

    @AfterAll
    static void close() {
        supervisor.close();
    }

    @Test
    void claim_deepBacklog_readsWhatItReturns() throws SQLException {
        JsonNode plan = claim("default", Explain.from(0), "known");

        assertThat(Explain.nodes(plan, "Index Scan"))
                .as(plan.toPrettyString())
                .anySatisfy(
                        node -> assertThat(node.path("Index Name").asString()).isEqualTo("job_available_lane"));
        assertThat(Explain.nodes(plan, "Tid Scan")).hasSize(1);
        Explain.assertReads(plan, "job_available", BATCH);
        assertThat(Explain.locked(plan)).isEqualTo(BATCH);
        assertThat(plan.path("Actual Rows").asInt()).isEqualTo(BATCH);
    }

    @Test
    void claim_fourLanes_locksOnlyWhatItReturns() throws SQLException {
        JsonNode plan = claim("other", Explain.from(0), "known");

        assertThat(Explain.locked(plan)).as(plan.toPrettyString()).isEqualTo(BATCH);
        Explain.assertReads(plan, "job_available", BATCH);
    }

    @Test
    void claim_fromLowestPriority_locksOnlyWhatItReturns() throws SQLException {
        JsonNode plan = claim("other", Explain.from(0).fromLowest(), "known");

        assertThat(Explain.locked(plan)).as(plan.toPrettyString()).isEqualTo(BATCH);
        Explain.assertReads(plan, "job_available", BATCH);
    }

    @Test
    void finish_withoutHistory_findsEachById() throws SQLException {
        Settings settings = new Settings();
        settings.update(new Settings.Read(Map.of(), Map.of(Settings.Read.rule("", "completed"), true)));
        JobTable forgetful = new JobTable(SchemaName.DEFAULT, settings);
        List<Outcome.Finalize> outcomes = leased().stream()
                .map(job -> new Outcome.Finalize(job, "completed", null, null))
                .toList();
        JsonNode plan = Explain.plan(supervisor, connection -> forgetful.finish(connection, outcomes));

        Explain.assertReads(plan, "job_running", BATCH);
        assertThat(plan.toString()).doesNotContain("job_finalized");
    }

    @Test
    void lead_manyFutureJobs_readsOne() throws SQLException {
        Explain.assertReads(
                Explain.plan(supervisor, connection -> maintenance.lead(connection, "w", Duration.ofSeconds(1))),
                "job_deferred",
                1);
    }

    @Test
    void claim_withoutStatistics_readsWhatItReturns() throws SQLException {
        database.execute("DELETE FROM pg_statistic WHERE starelid = 'job_available'::regclass");
        JsonNode plan = claim("default", Explain.from(0), "a", "b", "known");

        Explain.assertReads(plan, "job_available", BATCH);
    }

    @Test
    void claim_fromFloor_skipsWhatLiesBelow() throws SQLException {
        long floor = database.queryLong(
                "SELECT run_order FROM job_available WHERE queue = 'default' ORDER BY run_order DESC OFFSET 500 LIMIT 1");
        JsonNode plan = claim("default", Explain.from(floor), "known");

        Explain.assertReads(plan, "job_available", BATCH);
        assertThat(Explain.locked(plan)).isEqualTo(BATCH);
    }

    @Test
    void finish_manyRunning_findsEachById() throws SQLException {
        List<Outcome.Finalize> outcomes = leased().stream()
                .map(job -> new Outcome.Finalize(job, "completed", null, null))
                .toList();
        JsonNode plan = Explain.plan(supervisor, connection -> table.finish(connection, outcomes));

        Explain.assertReads(plan, "job_running", BATCH);
        assertThat(plan.findValuesAsString("Index Name"))
                .as(plan.toPrettyString())
                .contains("job_running_id");
    }

    /** A row is locked, deleted, inserted, and entered in one index; nothing else is written for it. */
    @Test
    void claimAndCompletion_writeFourRecordsAndThreeForEachJob() throws SQLException {
        JsonNode claim = claim("default", Explain.from(0), "known");
        List<Outcome.Finalize> outcomes = leased().stream()
                .map(job -> new Outcome.Finalize(job, "completed", null, null))
                .toList();
        JsonNode completion = Explain.plan(supervisor, connection -> table.finish(connection, outcomes));

        Explain.print("claim", claim, BATCH);
        Explain.print("completion", completion, BATCH);
        // Besides these, a page of a table or an index begins now and then.
        assertThat(claim.path("WAL Records").asInt()).isLessThan(BATCH * 45 / 10);
        assertThat(completion.path("WAL Records").asInt()).isLessThan(BATCH * 35 / 10);
    }

    @Test
    void finish_withOutput_findsEachById() throws SQLException {
        List<Outcome.Finalize> outcomes = leased().stream()
                .map(job -> new Outcome.Finalize(job, "completed", "{}", null))
                .toList();
        Explain.assertReads(
                Explain.plan(supervisor, connection -> table.finish(connection, outcomes)), "job_running", BATCH);
    }

    @Test
    void defer_manyRunning_findsEachById() throws SQLException {
        List<Outcome.Defer> outcomes = leased().stream()
                .map(job -> new Outcome.Defer(job, "retryable", 1_000_000, null, false, "{}"))
                .toList();
        Explain.assertReads(
                Explain.plan(supervisor, connection -> table.defer(connection, outcomes, new java.util.HashSet<>())),
                "job_running",
                BATCH);
    }

    @Test
    void release_manyRunning_findsEachById() throws SQLException {
        List<LeasedJob> jobs = leased();
        long[] ids = jobs.stream().mapToLong(LeasedJob::id).toArray();
        long[] tokens = jobs.stream().mapToLong(LeasedJob::token).toArray();
        Explain.assertReads(
                Explain.plan(
                        supervisor, connection -> table.release(connection, ids, tokens, new java.util.HashSet<>())),
                "job_running",
                BATCH);
    }

    @Test
    void promote_manyFutureJobs_readsDueOnesOnly() throws SQLException {
        long due = database.queryLong("SELECT count(*) FROM job_deferred WHERE scheduled_at <= now()");
        JsonNode plan = Explain.plan(supervisor, maintenance::promote);

        assertThat(due).isBetween(10L, 60L);
        Explain.assertReads(plan, "job_deferred", (int) due + 2);
    }

    @Test
    void look_manyFutureJobs_readsOne() throws SQLException {
        Explain.assertReads(Explain.plan(supervisor, maintenance::look), "job_deferred", 1);
    }

    private static JsonNode claim(String queue, Floors.Range range, String... kinds) throws SQLException {
        return Explain.plan(
                supervisor,
                connection ->
                        table.claim(connection, queue, connection.createArrayOf("text", kinds), BATCH, range, "w"));
    }

    /** Some running jobs, as their leases would name them. */
    private static List<LeasedJob> leased() {
        return database.query("SELECT id, run_order FROM job_running ORDER BY random() LIMIT ?", BATCH).stream()
                .map(row -> Leased.job((long) row.get("id"), (long) row.get("run_order")))
                .toList();
    }
}
