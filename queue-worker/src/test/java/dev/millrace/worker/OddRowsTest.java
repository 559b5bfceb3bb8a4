package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What SQL can write and Java would not: none of it may stop a worker, or the jobs beside it. */
@PostgresTest
class OddRowsTest {

    private final TestDatabase database;
    private WorkerRig rig;

    OddRowsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() {
        rig = new WorkerRig(database);
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
    }

    private void insert(String columns, String values) {
        database.execute(
                "INSERT INTO job (kind, args, " + columns + ") VALUES ('number', '{\"n\": 1}', " + values + ")");
    }

    @Test
    void infiniteTimes_neitherStopPromotionNorTheLead() {
        insert("state, scheduled_at", "'scheduled', 'infinity'");
        insert("state, scheduled_at", "'scheduled', '-infinity'");
        insert("state, scheduled_at", "'retryable', '-infinity'");
        rig.start(rig.worker().handle(NUMBER, (job, number) -> {}));

        rig.awaitState("completed", 2);
        assertThat(database.queryLong("SELECT count(*) FROM leader WHERE expires_at > now()"))
                .isEqualTo(1);
        // The one for never is the only one left to look at.
        insert("state, scheduled_at", "'scheduled', now() + interval '1 second'");
        rig.awaitState("completed", 3);
        assertThat(database.queryString("SELECT state FROM job WHERE scheduled_at = 'infinity'"))
                .isEqualTo("scheduled");
    }

    @Test
    void endlessTimeouts_stopNeitherTheQueueNorTheWatchOverOthers() {
        insert("timeout", "'1000 years'");
        if (database.queryLong("SELECT current_setting('server_version_num')::int") >= 170_000) {
            insert("timeout", "'infinity'");
        }
        insert("timeout, priority", "'200 milliseconds', 4");
        rig.start(rig.worker().queue("default", 10).handle(NUMBER, (job, number) -> {
            if (job.priority() == 4) {
                while (!job.isCancelled()) {
                    Thread.onSpinWait();
                }
                throw new IllegalStateException("over");
            }
            await().atMost(SOON)
                    .until(() -> database.queryLong("SELECT count(*) FROM job WHERE errors IS NOT NULL") == 1);
        }));

        await().atMost(SOON)
                .until(() ->
                        database.queryLong("SELECT count(*) FROM job WHERE errors -> 0 ->> 'type' = 'timeout'") == 1);
        await().atMost(SOON)
                .until(() ->
                        database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND timeout > '1 year'")
                                == database.queryLong("SELECT count(*) FROM job WHERE timeout > '1 year'"));
    }

    @Test
    void noTimeout_isNoTimeout() {
        insert("priority", "1");
        insert("priority, timeout", "2, '90 seconds'");
        Map<Integer, Optional<Duration>> timeouts = new ConcurrentHashMap<>();
        rig.start(rig.worker()
                .handle(NUMBER, (job, number) -> timeouts.put(job.priority(), Optional.ofNullable(job.timeout()))));

        rig.awaitState("completed", 2);
        assertThat(timeouts).isEqualTo(Map.of(1, Optional.empty(), 2, Optional.of(Duration.ofSeconds(90))));
    }

    @Test
    void uniqueStatesThatAreNull_areNone() {
        database.execute("SELECT enqueue('number', '{\"n\": 1}', unique_by => '{args}', unique_states => NULL)");
        rig.start(rig.worker().handle(NUMBER, (job, number) -> {}));

        rig.awaitState("completed", 1);
        assertThat(database.queryLong("SELECT count(*) FROM unique_key")).isZero();
    }
}
