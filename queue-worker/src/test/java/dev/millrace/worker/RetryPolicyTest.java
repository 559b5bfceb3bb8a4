package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class RetryPolicyTest {

    private final TestDatabase database;
    private WorkerRig rig;

    RetryPolicyTest(TestDatabase database) {
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

    private static final Duration HOUR = Duration.ofHours(1);

    private Worker.Builder failing(RetryPolicy ofKind) {
        return rig.worker()
                .handle(
                        NUMBER,
                        (job, number) -> {
                            throw new IllegalStateException("broken");
                        },
                        ofKind);
    }

    private long waitSeconds() {
        return database.queryLong("SELECT round(extract(epoch FROM scheduled_at - attempted_at)) FROM job");
    }

    @Test
    void retry_jobWithAPolicyOfItsOwn_waitsByIt() {
        rig.millrace().enqueue(NUMBER, new WorkerRig.Number(1), o -> o.retryPolicy(RetryPolicy.fixed(HOUR)));
        rig.start(failing(RetryPolicy.fixed(Duration.ZERO)));

        rig.awaitState("retryable", 1);
        assertThat(waitSeconds()).isBetween(3_600L, 3_610L);
    }

    @Test
    void retry_jobWithoutPolicy_waitsByThatOfItsKind() {
        rig.enqueue(1);
        rig.start(failing((attempt, error) -> error.getMessage().equals("broken") ? HOUR : Duration.ZERO));

        rig.awaitState("retryable", 1);
        assertThat(waitSeconds()).isBetween(3_600L, 3_610L);
    }

    @Test
    void retry_policyWrittenByPlainSql_isReadAndSurvivesEachRetry() {
        database.execute(
                "INSERT INTO job (kind, args, retry_policy) VALUES ('number', '{\"n\": 1}', 'exponential 10ms 2 1h')");
        rig.start(rig.worker().handle(NUMBER, (job, number) -> {
            if (job.attempt() < 4) {
                throw new IllegalStateException("broken");
            }
        }));

        rig.awaitState("completed", 1);
        assertThat(database.queryString("SELECT attempt || ' ' || retry_policy FROM job"))
                .isEqualTo("4 exponential 10ms 2 1h");
    }

    @Test
    void retry_unreadablePolicyBySql_costsNoJobItsLifeAndIsWarnedOfOnce() {
        database.execute(
                "INSERT INTO job (kind, args, retry_policy) SELECT 'number', jsonb_build_object('n', n), 'whenever ' || n FROM generate_series(1, 20) AS n");
        database.execute(
                "INSERT INTO job (kind, args, retry_policy) VALUES ('number', '{\"n\": 0}', repeat('9', 1000000))");
        rig.start(failing(RetryPolicy.fixed(HOUR)));

        rig.awaitState("retryable", 21);
        assertThat(rig.warnings("can't be read")).singleElement().asString().contains("whenever", "fixed 10s");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE scheduled_at > now() + interval '59 minutes'"))
                .isEqualTo(21);
    }

    @Test
    void retry_policyThatThrowsOrReturnsNull_isReplacedByTheDefaultAndCostsNoSlot() {
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, 4).mapToObj(WorkerRig.Number::new));
        rig.start(failing((attempt, error) -> {
                    if (attempt == 1) {
                        throw new StackOverflowError("a policy");
                    }
                    return nothing();
                })
                .queue("default", 1));

        await().atMost(SOON)
                .untilAsserted(() -> assertThat(database.queryLong(
                                "SELECT count(*) FROM job WHERE state = 'retryable' AND attempt = 2"))
                        .isEqualTo(4));
        // Sixteen by the default, a tenth more or less, and what it took until that was written.
        assertThat(database.queryLong("SELECT round(extract(epoch FROM min(scheduled_at - attempted_at))) FROM job"))
                .isBetween(14L, 25L);
    }

    @SuppressWarnings("NullAway") // what code without null checks may do
    private static Duration nothing() {
        return null;
    }

    @Test
    void retry_absurdDelays_areBounded() {
        rig.enqueue(1);
        rig.start(failing((attempt, error) ->
                attempt == 1 ? Duration.ofSeconds(Long.MIN_VALUE) : Duration.ofSeconds(Long.MAX_VALUE)));

        await().atMost(SOON)
                .untilAsserted(() -> assertThat(
                                database.queryLong(
                                        "SELECT count(*) FROM job WHERE attempt = 2 AND scheduled_at BETWEEN now() + interval '36499 days' AND now() + interval '36501 days'"))
                        .isEqualTo(1));
    }
}
