package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.Handler;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.ResultHandler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Jobs that somebody cancels, whatever they are doing just then. */
@PostgresTest
class CancelTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final CountDownLatch begun = new CountDownLatch(1);
    private Millrace millrace;

    CancelTest(TestDatabase database) {
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

    private void start(Worker.Builder builder) {
        Worker worker = builder.build();
        opened.add(worker);
        worker.start();
    }

    private Worker.Builder worker(Handler<Number> handler) {
        return Worker.builder(Database.of(database.url()))
                .grace(Duration.ofSeconds(5))
                .handle(NUMBER, handler);
    }

    private Worker.Builder workerWith(ResultHandler<Number> handler) {
        return Worker.builder(Database.of(database.url()))
                .grace(Duration.ofSeconds(5))
                .handleResult(NUMBER, handler);
    }

    private String cancel(long id) {
        return database.queryString("SELECT outcome FROM cancel_jobs(ARRAY[?]::bigint[])", id);
    }

    private String state(long id) {
        return database.queryString("SELECT state FROM job WHERE id = ?", id);
    }

    private void awaitState(long id, String state) {
        await().atMost(SOON).untilAsserted(() -> assertThat(state(id)).isEqualTo(state));
    }

    @Test
    void runningJob_isAskedWithinASecond_andEndsCancelled() {
        TestSignal<Long> running = new TestSignal<>();
        TestSignal<Long> asked = new TestSignal<>();
        // With so long a lease the worker does not look by itself: it has to be told.
        start(worker((job, number) -> {
                    running.accept(job.id());
                    while (!job.isCancelled()) {
                        Thread.onSpinWait();
                    }
                    asked.accept(System.nanoTime());
                    throw new IllegalStateException("stopped half way");
                })
                .lease(Duration.ofHours(1)));
        Duration took = SOON;
        // A machine that stalls for a moment spoils a try.
        for (int tries = 0; tries < 5 && took.compareTo(Duration.ofSeconds(1)) >= 0; tries++) {
            long id = millrace.enqueue(NUMBER, new Number(tries));
            assertThat(running.await(SOON)).isEqualTo(id);
            long sent = System.nanoTime();

            assertThat(cancel(id)).isEqualTo("requested");

            took = Duration.ofNanos(asked.await(SOON) - sent);
            awaitState(id, "cancelled");
            assertThat(database.queryString("SELECT errors -> 0 ->> 'message' FROM job WHERE id = ?", id))
                    .isEqualTo("stopped half way");
            assertThat(cancel(id)).isEqualTo("final");
        }
        assertThat(took).isLessThan(Duration.ofSeconds(1));
    }

    @Test
    void handlerThatDoesNotAsk_isInterrupted() throws InterruptedException {
        start(worker((job, number) -> {
            begun.countDown();
            new CountDownLatch(1).await();
        }));
        long id = millrace.enqueue(NUMBER, new Number(1));
        begun.await();

        cancel(id);

        awaitState(id, "cancelled");
    }

    @Test
    void handlerThatEndsAnyway_isCompleted() throws InterruptedException {
        start(worker((job, number) -> {
            begun.countDown();
            while (!job.isCancelled()) {
                Thread.onSpinWait();
            }
        }));
        long id = millrace.enqueue(NUMBER, new Number(1));
        begun.await();

        cancel(id);

        awaitState(id, "completed");
    }

    @Test
    void handlerThatSnoozesOrRetries_isCancelledAllTheSame() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        start(workerWith((job, number) -> {
            runs.incrementAndGet();
            begun.countDown();
            while (!job.isCancelled()) {
                Thread.onSpinWait();
            }
            return Result.snooze(Duration.ZERO);
        }));
        long id = millrace.enqueue(NUMBER, new Number(1));
        begun.await();

        cancel(id);

        awaitState(id, "cancelled");
        assertThat(runs).hasValue(1);
    }

    /** Where it is still in the buffer it never begins; where its turn came just then it is asked to stop. */
    @Test
    void behindABusySlot_isCancelledWhetherClaimedOrNot() throws InterruptedException {
        CountDownLatch goOn = new CountDownLatch(1);
        start(worker((job, number) -> {
                    if (number.n() == 1) {
                        begun.countDown();
                        goOn.await();
                    } else {
                        while (!job.isCancelled()) {
                            Thread.onSpinWait();
                        }
                        throw new IllegalStateException("stopped");
                    }
                })
                .queue("default", 1));
        millrace.enqueue(NUMBER, new Number(1));
        begun.await();
        long waiting = millrace.enqueue(NUMBER, new Number(2));

        assertThat(cancel(waiting)).isIn("cancelled", "requested");
        goOn.countDown();

        awaitState(waiting, "cancelled");
    }

    @Test
    void waitingJob_isCancelledAtOnce_inEveryWaitingState() {
        List<Long> ids = new ArrayList<>();
        ids.add(millrace.enqueue(NUMBER, new Number(1)));
        ids.add(millrace.enqueue(NUMBER, new Number(2), o -> o.in(Duration.ofDays(1))));
        for (String state : List.of("retryable", "pending")) {
            ids.add(database.queryLong(
                    "INSERT INTO job (kind, state, scheduled_at) VALUES ('number', ?, now() + interval '1 day') RETURNING id",
                    state));
        }

        assertThat(ids).extracting(this::cancel).containsOnly("cancelled");
        assertThat(ids).extracting(this::state).containsOnly("cancelled");
    }

    @Test
    void deadWorkersJob_thatWasToBeCancelled_doesNotRunAgain() {
        AtomicInteger runs = new AtomicInteger();
        long id = database.queryLong("""
                INSERT INTO job (kind, state, attempt, attempted_by, attempted_at, cancel_requested_at)
                VALUES ('number', 'running', 1, 'dead', now(), now()) RETURNING id""");
        start(worker((job, number) -> runs.incrementAndGet()).lease(Duration.ofSeconds(5)));

        awaitState(id, "cancelled");
        assertThat(runs).hasValue(0);
    }

    @Test
    void cancelAndCompleteAtTheSameMoment_endInExactlyOneOfBoth() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int jobs = 2_000;
        AtomicInteger runs = new AtomicInteger();
        start(worker((job, number) -> {
                    runs.incrementAndGet();
                    if (job.isCancelled()) {
                        throw new IllegalStateException("stopped");
                    }
                })
                .queue("default", 20));
        List<Long> ids = new ArrayList<>();
        millrace.enqueueAll(
                millrace.newJobs(
                        NUMBER, IntStream.range(0, jobs).mapToObj(Number::new).iterator()),
                ids::add);

        int cancelled = 0;
        for (int i = 0; i < 500; i++) {
            cancelled += "cancelled".equals(cancel(ids.get(random.nextInt(jobs)))) ? 1 : 0;
        }

        await().atMost(SOON)
                .untilAsserted(() -> assertThat(database.queryLong(
                                "SELECT count(*) FROM job WHERE state IN ('completed', 'cancelled')"))
                        .isEqualTo(jobs));
        assertThat(database.queryLong("SELECT count(DISTINCT id) FROM job")).isEqualTo(jobs);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'cancelled'"))
                .as("seed %s", seed)
                .isGreaterThanOrEqualTo(cancelled);
        assertThat(runs.get()).isLessThanOrEqualTo(jobs);
    }
}
