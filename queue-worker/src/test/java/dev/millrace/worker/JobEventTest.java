package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.job.JobEvent;
import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.Result;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class JobEventTest {

    private final TestDatabase database;
    private final TestSignal<JobEvent> told = new TestSignal<>();
    private WorkerRig rig;

    JobEventTest(TestDatabase database) {
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

    /** What a single job is told to have gone through, once this comes. */
    private <E extends JobEvent.OfAttempt> E awaitOf(Class<E> type) {
        E event = type.cast(told.await(type::isInstance, SOON));
        assertThat(database.queryLong("SELECT id FROM job"))
                .isEqualTo(event.attempt().id());
        return event;
    }

    @Test
    void onJobEvent_completedJob_isToldFromUpToDownInOrder() {
        long id = rig.enqueue(1);
        Worker worker = rig.start(rig.worker().onJobEvent(told).handle(NUMBER, (job, number) -> {}));
        awaitOf(JobEvent.Completed.class);
        worker.close();

        JobEvent.Attempt attempt = new JobEvent.Attempt(id, "number", "default", 1, 25, worker.id());
        List<JobEvent> events = told.all();
        assertThat(events).hasSize(5);
        // Jobs may begin before the worker is told to be up.
        assertThat(events).contains(new JobEvent.WorkerUp(worker.id()), new JobEvent.Started(attempt));
        assertThat(events.get(4)).isEqualTo(new JobEvent.WorkerDown(worker.id()));
        assertThat(events)
                .filteredOn(JobEvent.OfAttempt.class::isInstance)
                .extracting(Object::getClass)
                .containsExactly(JobEvent.Claimed.class, JobEvent.Started.class, JobEvent.Completed.class);
    }

    /** The worker has not been told yet: what the database did is what counts. */
    @Test
    void onJobEvent_cancelThatTheWorkerDidNotKnowOf_isToldAsCancelled() {
        rig.start(rig.worker().onJobEvent(told).handleResult(NUMBER, (job, number) -> {
            database.execute("UPDATE job_running SET cancel_requested_at = now()");
            return Result.snooze(Duration.ofDays(1));
        }));
        rig.enqueue(1);

        awaitOf(JobEvent.Cancelled.class);
        assertThat(told.all()).noneMatch(JobEvent.Snoozed.class::isInstance);
    }

    @Test
    void onJobEvent_jobOfADeadWorker_isToldAsRescued() {
        database.execute("""
                INSERT INTO job (kind, args, state, attempt, attempted_by, attempted_at)
                VALUES ('number', '{"n": 1}', 'running', 1, 'dead', now())""");
        rig.start(rig.worker().onJobEvent(told).lease(Duration.ofSeconds(5)).handle(NUMBER, (job, number) -> {}));

        awaitOf(JobEvent.Completed.class);
        assertThat(told.await(JobEvent.Rescued.class::isInstance, SOON)).isEqualTo(new JobEvent.Rescued(1));
    }

    @Test
    void onJobEvent_completed_isToldWhenTheDatabaseHasItAndNotBefore() {
        TestSignal<String> states = new TestSignal<>();
        rig.enqueue(1);
        rig.start(rig.worker()
                .onJobEvent(event -> {
                    if (event instanceof JobEvent.Completed) {
                        states.accept(String.valueOf(database.queryString("SELECT state FROM job")));
                    }
                })
                .handle(NUMBER, (job, number) -> {}));

        assertThat(states.await(SOON)).isEqualTo("completed");
    }

    @Test
    void onJobEvent_failedThenDiscarded_tellsWhenItIsNextAndWhatWentWrong() {
        Instant before = Instant.now();
        rig.millrace().enqueue(NUMBER, new WorkerRig.Number(1), o -> o.maxAttempts(2));
        rig.start(rig.worker()
                .onJobEvent(told)
                .handle(
                        NUMBER,
                        (job, number) -> {
                            throw new IllegalStateException("broken");
                        },
                        RetryPolicy.fixed(Duration.ofMillis(500))));

        JobEvent.Failed failed = awaitOf(JobEvent.Failed.class);
        assertThat(failed.attempt().number()).isEqualTo(1);
        assertThat(failed.error()).contains("\"broken\"", "IllegalStateException");
        assertThat(failed.next()).isBetween(before.plusMillis(500), before.plus(SOON));
        JobEvent.Discarded discarded = awaitOf(JobEvent.Discarded.class);
        assertThat(discarded.attempt().number()).isEqualTo(2);
        assertThat(discarded.error()).contains("\"broken\"");
    }

    @Test
    void onJobEvent_snoozedCancelledAndDiscarded_areTold() {
        Instant moment = Instant.parse("2100-01-01T00:00:00Z");
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, 3).mapToObj(WorkerRig.Number::new));
        rig.start(rig.worker().onJobEvent(told).handleResult(NUMBER, (job, number) -> switch (number.n()) {
            case 0 -> Result.snoozeUntil(moment);
            case 1 -> Result.cancel("not wanted");
            default -> Result.discard("no use");
        }));

        assertThat(told.await(JobEvent.Snoozed.class::isInstance, SOON))
                .isInstanceOfSatisfying(
                        JobEvent.Snoozed.class,
                        event -> assertThat(event.next()).isEqualTo(moment));
        told.await(JobEvent.Cancelled.class::isInstance, SOON);
        told.await(JobEvent.Discarded.class::isInstance, SOON);
    }

    @Test
    void onJobEvent_runningJobCancelledFromOutside_isToldAsCancelledWhateverItReturns() {
        TestSignal<Long> running = new TestSignal<>();
        rig.enqueue(1);
        rig.start(rig.worker().onJobEvent(told).handleResult(NUMBER, (job, number) -> {
            running.accept(job.id());
            await().atMost(SOON).until(job::isCancelled);
            return Result.snooze(Duration.ofHours(1));
        }));
        database.execute("SELECT * FROM cancel_jobs(ARRAY[?]::bigint[])", running.await(SOON));

        awaitOf(JobEvent.Cancelled.class);
        rig.awaitState("cancelled", 1);
        assertThat(told.all()).noneMatch(JobEvent.Snoozed.class::isInstance);
    }

    @Test
    void onJobEvent_outcomeOfALostLease_isToldAsLost() {
        rig.enqueue(1);
        rig.start(rig.worker().onJobEvent(told).handle(NUMBER, (job, number) -> {
            if (job.attempt() == 1) {
                database.execute("""
                        WITH gone AS (DELETE FROM job_running WHERE id = ? RETURNING *)
                        INSERT INTO job (id, kind, args, attempt, created_at, scheduled_at)
                        SELECT id, kind, args, attempt, created_at, scheduled_at FROM gone""", job.id());
            }
        }));

        JobEvent.LeaseLost lost = awaitOf(JobEvent.LeaseLost.class);
        assertThat(lost.attempt().number()).isEqualTo(1);
        JobEvent.Completed completed = awaitOf(JobEvent.Completed.class);
        assertThat(completed.attempt().number()).isEqualTo(2);
    }

    @Test
    void onJobEvent_completedInTheHandlersTransaction_isToldAsCompleted() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .onJobEvent(told)
                .handle(
                        NUMBER,
                        (job, number) -> job.inTransaction(connection -> {
                            job.completeIn(connection);
                            return null;
                        })));

        awaitOf(JobEvent.Completed.class);
        assertThat(told.all()).noneMatch(JobEvent.LeaseLost.class::isInstance);
    }

    @Test
    void onJobEvent_jobsGivenBackAtClose_areToldAsReleased() {
        CountDownLatch release = new CountDownLatch(1);
        TestSignal<Integer> running = new TestSignal<>();
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, 5).mapToObj(WorkerRig.Number::new));
        Worker worker = rig.start(rig.worker()
                .queue("default", 1)
                .grace(Duration.ZERO)
                .onJobEvent(told)
                .handle(NUMBER, (job, number) -> {
                    running.accept(number.n());
                    release.await();
                }));
        running.await(SOON);
        worker.close();

        assertThat(told.all()).filteredOn(JobEvent.Released.class::isInstance).isNotEmpty();
        assertThat(told.all()).last().isInstanceOf(JobEvent.WorkerDown.class);
        rig.awaitState("available", 5);
    }

    @Test
    void onJobEvent_receiverThatBlocksAndThrows_neitherDelaysNorBreaksTheWorker() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, 8_000).mapToObj(WorkerRig.Number::new));
        Worker worker = rig.start(rig.worker()
                .onJobEvent(event -> {
                    try {
                        release.await();
                    } catch (InterruptedException closed) {
                        Thread.currentThread().interrupt();
                    }
                    throw new IllegalStateException("broken receiver");
                })
                .handle(NUMBER, (job, number) -> {}));

        worker.awaitEmpty();

        rig.awaitState("completed", 8_000);
        assertThat(worker.metrics().count(Counter.EVENTS_DROPPED)).isPositive();
        release.countDown();
        await().atMost(SOON).until(() -> worker.metrics().count(Counter.EVENT_RECEIVER_FAILURES) >= 10_000);
        assertThat(rig.warnings("The receiver of events failed")).hasSize(1);
    }
}
