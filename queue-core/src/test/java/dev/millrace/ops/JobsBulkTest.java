package dev.millrace.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.PatientTimeouts;
import dev.millrace.job.JobState;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Operations on all jobs that a filter matches. */
@PostgresTest
@Timeout(120)
class JobsBulkTest {

    private static final BulkOptions HUNDREDS = BulkOptions.DEFAULTS.batch(100);

    private final TestDatabase database;
    private final ExecutorService threads = Executors.newFixedThreadPool(3);
    private Millrace millrace;
    private Jobs jobs;

    JobsBulkTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, unique_key");
        millrace = patient();
        jobs = millrace.jobs();
    }

    private Millrace patient() {
        return Millrace.connect(Database.of(database.url()).withTimeouts(PatientTimeouts.PATIENT));
    }

    @AfterEach
    void close() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
        millrace.close();
    }

    @Test
    void retry_deadLettersOfAKind_makesThemAvailableAndLeavesTheRest() {
        insert(250, "mail", "discarded");
        insert(10, "other", "discarded");
        insert(10, "mail", "completed");
        List<Long> seen = new ArrayList<>();

        BulkResult<RetryOutcome> result =
                jobs.retry(JobFilter.DEAD.kinds("mail"), HUNDREDS.onProgress(progress -> seen.add(progress.jobs())));

        assertThat(result.counts()).isEqualTo(Map.of(RetryOutcome.RETRIED, 250L));
        assertThat(result.count(RetryOutcome.KEY_TAKEN)).isZero();
        assertThat(seen).containsExactly(100L, 200L, 250L);
        assertThat(states()).isEqualTo("available mail 250, completed mail 10, discarded other 10");
    }

    @Test
    void delete_limited_takesTheLowestIds() {
        insert(250, "k", "completed");

        assertThat(jobs.delete(JobFilter.ALL, HUNDREDS.limit(130)).jobs()).isEqualTo(130);

        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(120);
        assertThat(database.queryString("SELECT min(id) = max(id) - 119 * (max(id) - min(id)) / 119 FROM job"))
                .isEqualTo("true");
    }

    /** Else one statement would look for them until the limit, and nobody could stop it. */
    @Test
    void retry_fewAmongMany_looksAtSomeAtATime() {
        insert(2 * Operator.WINDOW, "other", "discarded");
        insert(5, "mail", "discarded");
        insert(10, "other", "discarded");
        List<Long> seen = new ArrayList<>();

        BulkResult<RetryOutcome> result =
                jobs.retry(JobFilter.DEAD.kinds("mail"), HUNDREDS.onProgress(progress -> seen.add(progress.jobs())));

        assertThat(result.counts()).isEqualTo(Map.of(RetryOutcome.RETRIED, 5L));
        assertThat(seen).containsExactly(0L, 0L, 5L);
        assertThat(states()).isEqualTo("available mail 5, discarded other 20010");
    }

    @Test
    void edit_jobsThatGoOnMatching_isDoneOnceForEach() {
        insert(250, "k", "available");

        BulkResult<EditOutcome> result =
                jobs.edit(JobFilter.ALL.states(JobState.AVAILABLE), JobEdit.NOTHING.priority(1), HUNDREDS);

        assertThat(result.counts()).isEqualTo(Map.of(EditOutcome.CHANGED, 250L));
    }

    @Test
    void cancel_jobsEnqueuedMeanwhile_areLeftAlone() {
        insert(250, "k", "available");

        BulkResult<CancelOutcome> result = jobs.cancel(
                JobFilter.ALL.kinds("k").states(JobState.AVAILABLE),
                HUNDREDS.onProgress(progress -> insert(100, "k", "available")));

        assertThat(result.jobs()).isEqualTo(250);
        assertThat(states()).isEqualTo("available k 300, cancelled k 250");
    }

    @Test
    void cancel_everyState_tellsEachOutcome() {
        insert(3, "k", "scheduled");
        insert(2, "k", "running");
        insert(1, "k", "completed");

        assertThat(jobs.cancel(JobFilter.ALL, BulkOptions.DEFAULTS).counts())
                .hasToString("{CANCELLED=3, REQUESTED=2, FINAL=1}");
    }

    @Test
    void bulk_nothingMatches_isNothing() {
        insert(3, "k", "available");
        BulkResult<RetryOutcome> result = jobs.retry(JobFilter.DEAD, BulkOptions.DEFAULTS.onProgress(p -> {
            throw new AssertionError("no batch");
        }));
        assertThat(result.counts()).isEmpty();
    }

    @Test
    void retry_twoOperatorsAtOnce_eachJobIsRetriedOnce() throws Exception {
        insert(2_000, "k", "discarded");
        CyclicBarrier start = new CyclicBarrier(2);

        Future<BulkResult<RetryOutcome>> one = threads.submit(() -> afterStart(start));
        Future<BulkResult<RetryOutcome>> other = threads.submit(() -> afterStart(start));
        long first = one.get(60, TimeUnit.SECONDS).count(RetryOutcome.RETRIED);
        long second = other.get(60, TimeUnit.SECONDS).count(RetryOutcome.RETRIED);

        assertThat(first + second).isEqualTo(2_000);
        assertThat(states()).isEqualTo("available k 2000");
    }

    private BulkResult<RetryOutcome> afterStart(CyclicBarrier start) throws Exception {
        start.await(30, TimeUnit.SECONDS);
        return jobs.retry(JobFilter.DEAD, HUNDREDS);
    }

    /** Between the look and the lock another operator retries the job, and it is completed: retrying it again would run it twice. */
    @Test
    void retry_jobThatIsCompletedMeanwhile_isNotRunAgain() throws Exception {
        insert(1, "k", "discarded");
        try (Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setSchema("millrace");
            other.setAutoCommit(false);
            statement.execute("""
                    WITH gone AS (DELETE FROM job RETURNING *)
                    INSERT INTO job (id, kind, state, finalized_at) SELECT id, kind, 'completed', now() FROM gone""");
            Future<BulkResult<RetryOutcome>> retry =
                    threads.submit(() -> jobs.retry(JobFilter.DEAD, BulkOptions.DEFAULTS));
            awaitBlocked();
            other.commit();

            assertThat(retry.get(30, TimeUnit.SECONDS).counts()).isEmpty();
        }
        assertThat(states()).isEqualTo("completed k 1");
    }

    /** A job that is claimed while it is looked at still matches, in another phase. */
    @Test
    void cancel_jobThatIsClaimedMeanwhile_isFoundInItsNewPhase() throws Exception {
        insert(1, "k", "available");
        try (Connection worker = database.connect();
                Statement statement = worker.createStatement()) {
            worker.setSchema("millrace");
            worker.setAutoCommit(false);
            statement.execute("""
                    WITH gone AS (DELETE FROM job RETURNING *)
                    INSERT INTO job (id, kind, state, attempted_at, attempted_by) SELECT id, kind, 'running', now(), 'w' FROM gone""");
            Future<BulkResult<CancelOutcome>> cancel =
                    threads.submit(() -> jobs.cancel(JobFilter.ALL.kinds("k"), BulkOptions.DEFAULTS));
            awaitBlocked();
            worker.commit();

            assertThat(cancel.get(30, TimeUnit.SECONDS).counts()).isEqualTo(Map.of(CancelOutcome.REQUESTED, 1L));
        }
    }

    /**
     * The database ends the one that finds out. Each looks once, some time after it began to wait: ours when the other has surely
     * begun too, the other much later. So it is ours, which begins its batch afresh.
     */
    @Test
    void bulk_deadlockWithATransactionOfOthers_isDoneAfterIt() throws Exception {
        insert(2, "k", "discarded");
        database.execute("ALTER DATABASE \"" + database.name() + "\" SET deadlock_timeout = '5s'");
        try (Millrace ours = patient();
                Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setSchema("millrace");
            statement.execute("SET deadlock_timeout = '1min'");
            other.setAutoCommit(false);
            statement.execute("SELECT FROM job ORDER BY id DESC LIMIT 1 FOR UPDATE");
            Future<BulkResult<RetryOutcome>> retry =
                    threads.submit(() -> ours.jobs().retry(JobFilter.DEAD, BulkOptions.DEFAULTS));
            awaitBlocked();
            statement.execute("SELECT FROM job ORDER BY id LIMIT 1 FOR UPDATE");
            other.commit();

            assertThat(retry.get(30, TimeUnit.SECONDS).counts()).isEqualTo(Map.of(RetryOutcome.RETRIED, 2L));
        } finally {
            database.execute("ALTER DATABASE \"" + database.name() + "\" RESET deadlock_timeout");
        }
    }

    @Test
    void list_statementThatIsEnded_saysHowToAskForLess() throws Exception {
        try (Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("LOCK TABLE millrace.job");
            Future<JobPage> page = threads.submit(() -> jobs.list(JobFilter.ALL));
            awaitBlocked();
            database.query(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0");

            assertThatThrownBy(() -> page.get(30, TimeUnit.SECONDS))
                    .hasRootCauseInstanceOf(SQLException.class)
                    .cause()
                    .isInstanceOf(JobsException.class)
                    .hasMessageContaining("Could not list jobs, it took too long: narrow the filter by state, id or");
        }
    }

    @Test
    void bulk_progressThrows_keepsWhatWasDone() {
        insert(250, "k", "discarded");

        assertThatThrownBy(() -> jobs.retry(JobFilter.DEAD, HUNDREDS.onProgress(progress -> {
                    throw new IllegalStateException("enough");
                })))
                .hasMessage("enough");

        assertThat(states()).isEqualTo("available k 100, discarded k 150");
    }

    /** Within a batch: between two of them, a session that has ended may be replaced in time. */
    @Test
    void bulk_sessionsEndInTheMiddle_keepsWhatWasDoneAndSaysSo() throws Exception {
        insert(250, "k", "discarded");
        try (Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setSchema("millrace");
            other.setAutoCommit(false);
            statement.execute(
                    "SELECT FROM job WHERE id = (SELECT id FROM job ORDER BY id OFFSET 150 LIMIT 1) FOR UPDATE");
            Future<BulkResult<RetryOutcome>> retry = threads.submit(() -> jobs.retry(JobFilter.DEAD, HUNDREDS));
            awaitBlocked();
            database.query(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%'");

            assertThatThrownBy(() -> retry.get(30, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOf(DatabaseUnavailableException.class)
                    .hasMessageContaining("Could not retry jobs after 100 were done, which stay so");
        }
        assertThat(states()).isEqualTo("available k 100, discarded k 150");
    }

    @Test
    void bulk_lockedByOthersForLong_saysSoAndKeepsWhatWasDone() throws SQLException {
        insert(250, "k", "discarded");
        try (Millrace withLimits = Millrace.connect(Database.of(database.url()));
                Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("SELECT FROM millrace.job ORDER BY id DESC LIMIT 1 FOR UPDATE");

            assertThatThrownBy(() -> withLimits.jobs().delete(JobFilter.DEAD, HUNDREDS))
                    .isInstanceOf(JobsException.class)
                    .hasMessageContaining(
                            "Could not delete jobs after 200 were done, which stay so, another transaction holds one of them");
        }
        assertThat(states()).isEqualTo("discarded k 50");
    }

    @Test
    void bulk_badEdit_changesNothing() {
        insert(3, "k", "available");

        assertThatThrownBy(() -> jobs.edit(JobFilter.ALL, JobEdit.NOTHING.args("{"), BulkOptions.DEFAULTS))
                .isInstanceOf(JobsException.class)
                .hasMessageContaining("Could not edit jobs, the database refused");
    }

    private void insert(int count, String kind, String state) {
        database.execute("""
                INSERT INTO job (kind, state, attempted_by, attempted_at, finalized_at)
                SELECT ?, s, 'w', now(), CASE WHEN s IN ('completed', 'cancelled', 'discarded') THEN now() END
                FROM (SELECT ?::text AS s) AS state, generate_series(1, ?)""", kind, state, count);
    }

    private String states() {
        return String.valueOf(
                database.queryString(
                        "SELECT string_agg(concat_ws(' ', state, kind, n), ', ' ORDER BY state, kind) FROM (SELECT state, kind, count(*) AS n FROM job GROUP BY 1, 2) AS c"));
    }

    private void awaitBlocked() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (database.queryLong(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0")
                == 0) {
            assertThat(System.nanoTime()).as("a session waits for a lock").isLessThan(deadline);
        }
    }
}
