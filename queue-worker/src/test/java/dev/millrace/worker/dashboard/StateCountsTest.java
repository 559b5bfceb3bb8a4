package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JobState;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.engine.Explain;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

@PostgresTest
@Timeout(60)
class StateCountsTest {

    private final TestDatabase database;
    private Supervisor supervisor;
    private long nextId = 1;

    StateCountsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() throws InterruptedException {
        database.execute("TRUNCATE job, queue, worker");
        supervisor = Supervisor.connect(Database.of(database.url()), null, Duration.ofSeconds(10));
    }

    @AfterEach
    void close() {
        supervisor.close();
    }

    /** Without any order of ids, so that the planner would rather read and sort a table than follow its index. */
    private void insert(String state, int jobs) {
        database.execute("""
                INSERT INTO job (id, kind, queue, state, scheduled_at, attempted_at, attempted_by, finalized_at)
                SELECT %3$d + i * 7919::bigint %% %1$d, 'k', 'q', '%2$s',
                    now() + CASE '%2$s' WHEN 'scheduled' THEN interval '1 day' WHEN 'retryable' THEN interval '1 hour' ELSE interval '0' END, now(), 'w',
                    CASE WHEN '%2$s' IN ('completed', 'cancelled', 'discarded') THEN now() - i %% 2 * interval '1 day' END
                FROM generate_series(1, %1$d) AS i""".formatted(jobs, state, nextId));
        nextId += jobs;
    }

    private StateCounts counts() throws SQLException {
        return supervisor.transaction(connection -> StateCounts.read(connection, schema()));
    }

    private String schema() {
        return database.schema().quoted();
    }

    @Test
    void tiles_fewAmongManyCompleted_areExact() throws Exception {
        try (DashboardRig rig = new DashboardRig(database, Redaction.none())) {
            insert("completed", 40_000);
            insert("discarded", 5);
            insert("retryable", 3);
            for (String page : new String[] {rig.page("/"), rig.page("/queues")}) {
                assertThat(tile(page, "discarded")).isEqualTo("5");
                assertThat(tile(page, "retryable")).isEqualTo("3");
                assertThat(tile(page, "cancelled")).isEqualTo("0");
                assertThat(tile(page, "completed")).startsWith("≈ ");
                assertThat(page).doesNotContain("≈ 0");
            }
        }
    }

    /** The number above a state; of the first queue where there are several. */
    private static String tile(String page, String state) {
        String before = page.substring(0, page.indexOf("</span> <span class=\"state " + state + "\">"));
        return before.substring(before.lastIndexOf('>') + 1);
    }

    @Test
    void shown_upToTheCap_isExact() throws SQLException {
        insert("running", StateCounts.CAP);
        insert("cancelled", StateCounts.CAP + 1);
        assertThat(counts().shown(JobState.RUNNING, 1)).isEqualTo("5,000");
        assertThat(counts().shown("q", JobState.RUNNING, 1)).isEqualTo("5,000");
        assertThat(counts().shown(JobState.CANCELLED, 12_000)).isEqualTo("5,000+");
        assertThat(counts().shown("q", JobState.CANCELLED, 12_000)).isEqualTo("≈ 12,000");
    }

    @Test
    void shown_stateThatSharesATableWithMore_isNotSaidToBeAll() throws SQLException {
        insert("retryable", 5);
        insert("scheduled", 12_000);
        StateCounts counts = counts();
        assertThat(counts.shown(JobState.RETRYABLE, 0)).isEqualTo("5+");
        assertThat(counts.shown(JobState.RETRYABLE, 7)).isEqualTo("≈ 7");
        assertThat(counts.shown(JobState.SCHEDULED, 0)).isEqualTo("4,996+");
        assertThat(counts.shown(JobState.PENDING, 0)).isEqualTo("few or none");
        assertThat(counts.shown("other", JobState.RETRYABLE, 0)).isEqualTo("few or none");
        assertThat(counts.shown(JobState.DISCARDED, 0)).isEqualTo("0");
    }

    @Test
    void read_manyOfEveryState_readsEachBranchUpToItsCap() throws SQLException {
        for (JobState state : JobState.values()) {
            insert(state.sql(), JobState.SCHEDULED == state || JobState.RETRYABLE == state ? 2_000 : 25_000);
        }
        assertReads(4 * StateCounts.CAP + 4_000);
        database.execute("ANALYZE job");
        assertReads(4 * StateCounts.CAP + 4_000);
        insert("scheduled", 25_000);
        // Pending jobs are not looked for among these.
        assertReads(4 * StateCounts.CAP);
    }

    private void assertReads(int jobs) throws SQLException {
        JsonNode plan = Explain.plan(supervisor, connection -> StateCounts.read(connection, schema()));
        // Days of history are merged by id, and each branch reads one job ahead.
        assertThat(Explain.read(plan)).as(plan.toPrettyString()).isBetween((double) jobs, jobs + 20.0);
        assertThat(Explain.nodes(plan, "Seq Scan")).as(plan.toPrettyString()).isEmpty();
    }
}
