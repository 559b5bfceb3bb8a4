package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The SQL functions beside each other and beside workers. */
@PostgresTest
@Timeout(120)
class JobFunctionsConcurrencyTest {

    private static final String CANCEL = "SELECT * FROM cancel_jobs(?)";
    private static final String RETRY = "SELECT * FROM retry_jobs(?)";
    private static final String DELETE = "SELECT * FROM delete_jobs(?)";

    private final TestDatabase database;
    private final ExecutorService threads = Executors.newFixedThreadPool(2);

    JobFunctionsConcurrencyTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, unique_key");
    }

    @AfterEach
    void stop() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "cancel_jobs(?), cancel_jobs(?)",
        "cancel_jobs(?), delete_jobs(?)",
        "cancel_jobs(?), retry_jobs(?)",
        "retry_jobs(?), retry_jobs(?)",
        "retry_jobs(?), delete_jobs(?)",
        "delete_jobs(?), delete_jobs(?)",
        "'edit_jobs(?, ''{\"priority\": 1}'')', 'edit_jobs(?, ''{\"queue\": \"q\"}'')'",
        "'edit_jobs(?, ''{\"scheduled_at\": \"2100-01-01Z\"}'')', cancel_jobs(?)",
        "'edit_jobs(?, ''{\"scheduled_at\": \"2001-01-01Z\"}'')', retry_jobs(?)",
        "'edit_jobs(?, ''{\"args\": 1}'')', delete_jobs(?)"
    })
    void twoOperators_sameThousandJobsInOppositeOrder_bothEnd(String first, String second) throws Exception {
        for (int round = 0; round < 5; round++) {
            database.execute("TRUNCATE job");
            long[] ids = thousand();
            long[] reversed = LongStream.range(0, ids.length)
                    .map(i -> ids[ids.length - 1 - (int) i])
                    .toArray();
            CyclicBarrier start = new CyclicBarrier(2);

            Future<Map<Long, String>> one = threads.submit(() -> together(start, first, ids));
            Future<Map<Long, String>> other = threads.submit(() -> together(start, second, reversed));

            assertThat(one.get(60, TimeUnit.SECONDS)).hasSize(1_000);
            assertThat(other.get(60, TimeUnit.SECONDS)).hasSize(1_000);
            assertThat(database.queryLong("SELECT count(*) - count(DISTINCT id) FROM job"))
                    .isZero();
        }
    }

    /** Before rows were locked first, one went by partitions and the other by ids: each waited for the other. */
    @Test
    void retryAndDelete_jobsOfSeveralPhases_doNotDeadlock() throws Exception {
        long low = job("scheduled");
        long middle = job("scheduled");
        long high = job("discarded");
        try (Connection blocker = begin();
                Connection retrying = begin();
                Connection deleting = begin()) {
            call(blocker, "SELECT id, 'held' FROM job WHERE id = ANY (?) FOR UPDATE", middle);
            Future<Map<Long, String>> retry = threads.submit(() -> commit(retrying, RETRY, low, middle, high));
            awaitBlocked(retrying);
            Future<Map<Long, String>> delete = threads.submit(() -> commit(deleting, DELETE, low, high));
            awaitBlocked(deleting);
            blocker.rollback();

            assertThat(retry.get(30, TimeUnit.SECONDS))
                    .isEqualTo(Map.of(low, "retried", middle, "retried", high, "retried"));
            assertThat(delete.get(30, TimeUnit.SECONDS)).isEqualTo(Map.of(low, "deleted", high, "deleted"));
        }
    }

    @Test
    void cancel_besideAClaimThatCommits_isRequestedOfTheRunningJob() throws Exception {
        long id = job("available");
        assertThat(during(claim(id), true, CANCEL, id)).isEqualTo(Map.of(id, "requested"));
        assertThat(database.queryString("SELECT state FROM job WHERE cancel_requested_at IS NOT NULL"))
                .isEqualTo("running");
    }

    @Test
    void cancel_besideAClaimThatRollsBack_isDone() throws Exception {
        long id = job("available");
        assertThat(during(claim(id), false, CANCEL, id)).isEqualTo(Map.of(id, "cancelled"));
    }

    @Test
    void cancel_besideACompletion_isTooLate() throws Exception {
        long id = job("running");
        String complete = """
                WITH gone AS (DELETE FROM job_running WHERE id = %d RETURNING *)
                INSERT INTO job (id, run_order, kind, state, finalized_at) SELECT id, run_order, kind, 'completed', now() FROM gone""".formatted(id);
        assertThat(during(complete, true, CANCEL, id)).isEqualTo(Map.of(id, "final"));
    }

    @Test
    void delete_besideAClaimThatCommits_leavesTheRunningJob() throws Exception {
        long id = job("available");
        assertThat(during(claim(id), true, DELETE, id)).isEqualTo(Map.of(id, "running"));
    }

    @Test
    void edit_besideAClaimThatCommits_isNotWaiting() throws Exception {
        long id = job("available");
        assertThat(during(claim(id), true, "SELECT * FROM edit_jobs(?, '{\"priority\": 1}')", id))
                .isEqualTo(Map.of(id, "not_waiting"));
    }

    @Test
    void edit_besideAPromotion_findsTheJobInItsNewPhase() throws Exception {
        long id = job("scheduled");
        String promote = """
                WITH gone AS (DELETE FROM job_deferred WHERE id = %d RETURNING *)
                INSERT INTO job (id, kind) SELECT id, kind FROM gone""".formatted(id);
        assertThat(during(promote, true, "SELECT * FROM edit_jobs(?, '{\"priority\": 1}')", id))
                .isEqualTo(Map.of(id, "changed"));
        assertThat(database.queryString("SELECT state || priority FROM job")).isEqualTo("available1");
    }

    @Test
    void retry_besideAnEnqueueThatTakesItsKey_changesNothing() throws Exception {
        long id = job("discarded");
        database.execute("UPDATE job SET unique_key = 'k', unique_states = '{running}'");
        String enqueue = "INSERT INTO unique_key VALUES ('k', 1)";
        assertThat(during(enqueue, true, RETRY, id)).isEqualTo(Map.of(id, "key_taken"));
        assertThat(database.queryString("SELECT state FROM job")).isEqualTo("discarded");

        database.execute("TRUNCATE unique_key");
        assertThat(during(enqueue, false, RETRY, id)).isEqualTo(Map.of(id, "retried"));
        assertThat(database.queryLong("SELECT job_id FROM unique_key")).isEqualTo(id);
    }

    @Test
    void anyFunction_repeatableReadAndAMovedJob_isASerializationFailure() throws SQLException {
        for (String call : new String[] {CANCEL, RETRY, DELETE, "SELECT * FROM edit_jobs(?, '{\"priority\": 1}')"}) {
            long id = job("scheduled");
            try (Connection session = begin()) {
                session.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
                call(session, "SELECT id, state FROM job WHERE id = ANY (?)", id);
                database.query(DELETE, (Object) new long[] {id});

                assertThatThrownBy(() -> call(session, call, id))
                        .isInstanceOfSatisfying(
                                SQLException.class,
                                failure -> assertThat(failure.getSQLState()).isEqualTo("40001"));
            }
        }
    }

    @Test
    void anyFunction_repeatableReadAndQuietJobs_works() throws SQLException {
        long id = job("available");
        try (Connection session = begin()) {
            session.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            assertThat(call(session, "SELECT * FROM edit_jobs(?, '{\"priority\": 1}')", id))
                    .containsValue("changed");
            assertThat(call(session, CANCEL, id)).containsValue("cancelled");
            assertThat(call(session, RETRY, id)).containsValue("retried");
            assertThat(call(session, DELETE, id)).containsValue("deleted");
            session.commit();
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
    }

    /** Calls while another transaction has done its statement, which then ends. */
    private Map<Long, String> during(String statement, boolean commit, String call, long id) throws Exception {
        try (Connection other = begin();
                Connection operator = begin();
                Statement before = other.createStatement()) {
            before.execute(statement);
            Future<Map<Long, String>> result = threads.submit(() -> commit(operator, call, id));
            awaitBlocked(operator);
            if (commit) {
                other.commit();
            } else {
                other.rollback();
            }
            return result.get(30, TimeUnit.SECONDS);
        }
    }

    private static String claim(long id) {
        return """
                WITH gone AS (DELETE FROM job_available WHERE id = %d RETURNING *)
                INSERT INTO job_running (id, run_order, kind, state, attempt, attempted_at, attempted_by)
                SELECT id, run_order, kind, 'running', attempt + 1, now(), 'w' FROM gone""".formatted(id);
    }

    private Map<Long, String> together(CyclicBarrier start, String function, long[] ids) throws Exception {
        try (Connection session = begin()) {
            start.await(30, TimeUnit.SECONDS);
            return commit(session, "SELECT * FROM " + function, ids);
        }
    }

    private static Map<Long, String> commit(Connection session, String sql, long... ids) throws SQLException {
        Map<Long, String> outcomes = call(session, sql, ids);
        session.commit();
        return outcomes;
    }

    private static Map<Long, String> call(Connection session, String sql, long... ids) throws SQLException {
        try (PreparedStatement statement = session.prepareStatement(sql)) {
            statement.setObject(1, ids);
            Map<Long, String> outcomes = new HashMap<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    assertThat(outcomes.put(rows.getLong(1), rows.getString(2))).isNull();
                }
            }
            return outcomes;
        }
    }

    private Connection begin() throws SQLException {
        Connection session = database.connect();
        session.setSchema("millrace");
        session.setAutoCommit(false);
        return session;
    }

    private void awaitBlocked(Connection session) throws SQLException {
        int pid = session.unwrap(org.postgresql.PGConnection.class).getBackendPID();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (database.queryLong("SELECT cardinality(pg_blocking_pids(?))", pid) == 0) {
            assertThat(System.nanoTime()).as("session waits for a lock").isLessThan(deadline);
        }
    }

    private long[] thousand() {
        return database.query("""
                INSERT INTO job (kind, state, scheduled_at, attempted_by, attempted_at, finalized_at)
                SELECT 'k', s, now() + CASE s WHEN 'scheduled' THEN interval '1 h' ELSE '0' END, 'w', now(),
                    CASE s WHEN 'discarded' THEN now() END
                FROM generate_series(1, 1000) AS i,
                    LATERAL (SELECT (ARRAY['available', 'running', 'scheduled', 'discarded'])[1 + i % 4] AS s) AS state
                RETURNING id""").stream()
                .mapToLong(row -> (long) row.get("id"))
                .toArray();
    }

    private long job(String state) {
        return database.queryLong("""
                INSERT INTO job (kind, state, scheduled_at, attempted_by, attempted_at, finalized_at)
                SELECT 'k', s, now() + CASE s WHEN 'scheduled' THEN interval '1 h' ELSE '0' END, 'w', now(),
                    CASE s WHEN 'discarded' THEN now() END
                FROM (SELECT ?::text AS s) AS state
                RETURNING id""", state);
    }
}
