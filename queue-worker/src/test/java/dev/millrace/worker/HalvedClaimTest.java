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
    /** Claims are large from the first one on. */
    private static final int SLOTS = 2_000;

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
                .queue("default", SLOTS)
                .handle(WorkerRig.NUMBER, (job, number) -> runs.merge(number.n(), 1, Integer::sum)));
        awaitHalves();

        await().atMost(LONG).until(() -> waiting() == 0);

        assertThat(runs).hasSize((int) database.queryLong("SELECT count(*) FROM job WHERE queue = 'default'"));
        assertThat(runs.values()).containsOnly(1);
    }

    private static void awaitHalves() {
        await().pollInterval(Duration.ofMillis(1))
                .atMost(LONG)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .anyMatch(thread -> thread.getName().startsWith("millrace-claimer-beside-default")));
    }

    /** One at a time, so that one half of a claim fails and the other does not. */
    @Test
    void sessionsThatEnd_costNoJobAnAttempt() {
        rig.start(rig.worker().queue("default", SLOTS).handle(WorkerRig.NUMBER, (job, number) -> {}));
        awaitHalves();
        for (int left = 32_000; left >= 4_000; left -= 4_000) {
            int so = left;
            await().pollInterval(Duration.ofMillis(5)).atMost(LONG).until(() -> waiting() < so);
            database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    + " WHERE datname = current_database() AND application_name LIKE 'millrace/%/work#%' AND state = 'active'"
                    + " ORDER BY random() LIMIT 1");
        }

        await().atMost(LONG).until(() -> waiting() == 0);

        assertThat(database.queryLong("SELECT max(attempt) FROM job WHERE queue = 'default'"))
                .isOne();
    }
}
