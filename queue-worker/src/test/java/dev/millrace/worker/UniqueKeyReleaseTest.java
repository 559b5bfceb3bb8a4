package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.enqueue.Enqueued;
import dev.millrace.job.JobState;
import dev.millrace.job.JobType;
import dev.millrace.job.Unique;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.ResultHandler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A key is held exactly as long as its job is in one of the states it holds it in. */
@PostgresTest
class UniqueKeyReleaseTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private Millrace millrace;

    UniqueKeyReleaseTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, unique_key, queue, worker, leader");
        millrace = Millrace.connect(Database.of(database.url()));
        opened.add(millrace);
    }

    @AfterEach
    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private Worker start(ResultHandler<Number> handler) {
        Worker worker = Worker.builder(Database.of(database.url()))
                .grace(Duration.ZERO)
                .lease(Duration.ofSeconds(5))
                .handleResult(NUMBER, handler)
                .build();
        opened.add(worker);
        worker.start();
        return worker;
    }

    private Enqueued offer(Unique unique) {
        return millrace.offer(NUMBER, new Number(1), o -> o.unique(unique).maxAttempts(1));
    }

    private long keys() {
        return database.queryLong("SELECT count(*) FROM unique_key");
    }

    private void awaitState(String state) {
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(database.queryString("SELECT min(state) FROM job"))
                        .isEqualTo(state));
    }

    @Test
    void completed_isFree_unlessItIsOneOfTheStates() {
        start((job, number) -> Result.done());
        offer(Unique.byArgs());
        awaitState("completed");
        assertThat(keys()).isZero();

        database.execute("TRUNCATE job");
        Unique kept = Unique.byArgs().states(JobState.RUNNING, JobState.COMPLETED);
        long id = offer(kept).id();
        awaitState("completed");
        assertThat(offer(kept)).isEqualTo(new Enqueued(id, Enqueued.Outcome.SKIPPED));
    }

    @Test
    void discardedAndCancelled_areFree() {
        start((job, number) -> {
            if (number.n() == 1) {
                throw new IllegalStateException("no");
            }
            return Result.cancel("no");
        });
        offer(Unique.byArgs());
        awaitState("discarded");
        assertThat(keys()).isZero();

        database.execute("TRUNCATE job");
        millrace.enqueue(NUMBER, new Number(2), o -> o.unique(Unique.byArgs()));
        awaitState("cancelled");
        assertThat(keys()).isZero();
    }

    @Test
    void whileWaiting_isFreeOnceItHasBegun_evenIfItFailsAndWaitsAgain() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        start((job, number) -> {
            begun.countDown();
            goOn.await();
            return Result.snooze(Duration.ofDays(1));
        });
        Unique waiting = Unique.byArgs().whileWaiting();
        assertThat(offer(waiting).isInserted()).isTrue();
        begun.await();

        assertThat(keys()).isZero();
        assertThat(millrace.offer(NUMBER, new Number(1), o -> o.unique(waiting).in(Duration.ofDays(1)))
                        .isInserted())
                .isTrue();
        goOn.countDown();
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'scheduled'"))
                                .isEqualTo(2));
        assertThat(keys()).isEqualTo(1);
    }

    @Test
    void snoozedAndReleased_keepIt() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        Worker worker = start((job, number) -> {
            begun.countDown();
            new CountDownLatch(1).await();
            return Result.done();
        });
        long id = offer(Unique.byArgs()).id();
        begun.await();
        worker.close();

        awaitState("available");
        assertThat(offer(Unique.byArgs())).isEqualTo(new Enqueued(id, Enqueued.Outcome.SKIPPED));
    }

    @Test
    void rescued_isFreeOnlyWhenItsLifeEnds() {
        for (int max : new int[] {1, 2}) {
            millrace.enqueue(
                    NUMBER, new Number(max), o -> o.unique(Unique.byArgs()).maxAttempts(max));
        }
        database.execute("""
                WITH gone AS (DELETE FROM job RETURNING *)
                INSERT INTO job (id, kind, args, state, attempt, max_attempts, unique_key, unique_states, attempted_by, attempted_at)
                SELECT id, kind, args, 'running', 1, max_attempts, unique_key, unique_states, 'dead', now() FROM gone
                """);
        database.execute("SELECT pause_queue('default')");
        start((job, number) -> Result.done());

        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(database.queryString("SELECT string_agg(state, ' ' ORDER BY state) FROM job"))
                                .isEqualTo("available discarded"));
        assertThat(database.queryLong(
                        "SELECT count(*) FROM unique_key k JOIN job j ON j.id = k.job_id WHERE j.state = 'available'"))
                .isEqualTo(1);
        assertThat(keys()).isEqualTo(1);
    }
}
