package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A backlog so deep that its claims are made in two halves. */
@PostgresTest
class HalvedClaimTest {

    private static final int JOBS = 60_000;
    private static final Duration LONG = Duration.ofSeconds(60);

    private final TestDatabase database;
    private WorkerRig rig;

    HalvedClaimTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void fill() {
        rig = new WorkerRig(database);
        // With gaps, a lower priority in between, and where it is not expected a stretch of other queues.
        database.execute("""
                INSERT INTO job (kind, queue, priority, args)
                SELECT 'number', CASE WHEN n % 3 = 0 OR n BETWEEN 20000 AND 27000 THEN 'other' ELSE 'default' END,
                    CASE n % 10 WHEN 1 THEN 3 ELSE 2 END, jsonb_build_object('n', n)
                FROM generate_series(1, ?) AS n""", JOBS);
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
    }

    private long waiting() {
        return database.queryLong("SELECT count(*) FROM job WHERE queue = 'default' AND state <> 'completed'");
    }

    @Test
    void eachJob_isRunOnce() {
        Map<Integer, Integer> runs = new ConcurrentHashMap<>();
        rig.start(rig.worker()
                .queue("default", 10)
                .handle(WorkerRig.NUMBER, (job, number) -> runs.merge(number.n(), 1, Integer::sum)));
        await().atMost(LONG)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .anyMatch(thread -> thread.getName().startsWith("millrace-claimer-beside-default")));

        await().atMost(LONG).until(() -> waiting() == 0);

        assertThat(runs).hasSize((int) database.queryLong("SELECT count(*) FROM job WHERE queue = 'default'"));
        assertThat(runs.values()).containsOnly(1);
    }

    @Test
    void sessionsThatEnd_loseNoJob() {
        rig.start(rig.worker().queue("default", 10).handle(WorkerRig.NUMBER, (job, number) -> {}));
        for (int left = 30_000; left >= 10_000; left -= 10_000) {
            int so = left;
            await().atMost(LONG).until(() -> waiting() < so);
            database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    + " WHERE datname = current_database() AND application_name LIKE 'millrace/%/work#%'");
        }

        await().atMost(LONG).until(() -> waiting() == 0);
    }
}
