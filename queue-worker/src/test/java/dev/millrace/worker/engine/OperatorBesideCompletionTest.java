package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Plans;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An operator cancels what a worker is about to write the outcomes of. */
@PostgresTest
@Timeout(60)
class OperatorBesideCompletionTest {

    private final TestDatabase database;
    private final JobTable table;
    private final ExecutorService threads = Executors.newFixedThreadPool(2);

    OperatorBesideCompletionTest(TestDatabase database) {
        this.database = database;
        this.table = new JobTable(database.schema());
    }

    @AfterEach
    void stop() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void finish_outcomesOutOfOrderBesideACancel_waitsForIt(Plans plans) throws Exception {
        LeasedJob low = running();
        LeasedJob middle = running();
        LeasedJob high = running();
        try (Connection blocker = begin();
                Connection operator = begin();
                Connection worker = begin()) {
            plans.applyTo(worker);
            if (plans == Plans.FRESH) {
                // As where many jobs run: each is looked up by its id.
                for (String other : List.of("hashjoin", "mergejoin", "seqscan", "bitmapscan")) {
                    execute(worker, "SELECT set_config('enable_" + other + "', 'off', false)");
                }
            }
            execute(blocker, "SELECT FROM job WHERE id = " + middle.id() + " FOR UPDATE");
            Future<Boolean> cancel = threads.submit(() -> {
                execute(
                        operator,
                        "SELECT * FROM cancel_jobs(ARRAY[%d, %d, %d])".formatted(low.id(), middle.id(), high.id()));
                operator.commit();
                return true;
            });
            awaitBlocked(operator);
            Future<Set<Long>> finish = threads.submit(() -> {
                Set<Long> changed = table.finish(
                        worker,
                        List.of(
                                new Outcome.Finalize(high, "completed", null, null),
                                new Outcome.Finalize(low, "completed", null, null)));
                worker.commit();
                return changed;
            });
            awaitBlocked(worker);
            blocker.rollback();

            assertThat(cancel.get(30, TimeUnit.SECONDS)).isTrue();
            assertThat(finish.get(30, TimeUnit.SECONDS)).containsExactlyInAnyOrder(low.id(), high.id());
        }
    }

    private LeasedJob running() {
        long id = database.queryLong("""
                INSERT INTO job (kind, state, attempt, attempted_at, attempted_by) VALUES ('k', 'running', 1, now(), 'w')
                RETURNING id""");
        long token = database.queryLong("SELECT run_order FROM job WHERE id = ?", id);
        return Leased.job(id, token);
    }

    private Connection begin() throws SQLException {
        Connection session = database.connect();
        session.setSchema("millrace");
        session.setAutoCommit(false);
        return session;
    }

    private static void execute(Connection session, String sql) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            assertThat(rows.next()).isTrue();
        }
    }

    private void awaitBlocked(Connection session) throws SQLException {
        int pid = session.unwrap(org.postgresql.PGConnection.class).getBackendPID();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (database.queryLong("SELECT cardinality(pg_blocking_pids(?))", pid) == 0) {
            assertThat(System.nanoTime()).as("session waits for a lock").isLessThan(deadline);
        }
    }
}
