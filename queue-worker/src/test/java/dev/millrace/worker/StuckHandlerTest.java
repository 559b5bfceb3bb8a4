package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.job.JobEvent;
import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.RunningJob;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class StuckHandlerTest {

    private final TestDatabase database;
    private WorkerRig rig;

    StuckHandlerTest(TestDatabase database) {
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

    private final CountDownLatch end = new CountDownLatch(1);
    private final TestSignal<String> seen = new TestSignal<>();
    private final TestSignal<JobEvent> events = new TestSignal<>();

    private Worker.Builder stubborn() {
        return rig.worker()
                .queue("default", 1)
                .abandonAfter(Duration.ofSeconds(1))
                .onJobEvent(events);
    }

    private void enqueueWithTimeout(int n, int maxAttempts) {
        enqueueWithTimeout(n, maxAttempts, Duration.ofMillis(100));
    }

    private void enqueueWithTimeout(int n, int maxAttempts, Duration timeout) {
        rig.millrace()
                .enqueue(
                        NUMBER,
                        new WorkerRig.Number(n),
                        o -> o.timeout(timeout)
                                .maxAttempts(maxAttempts)
                                .retryPolicy(RetryPolicy.fixed(Duration.ofHours(1))));
    }

    /** Deaf to interrupts, as a socket read or an endless loop is. */
    private void standStill() {
        boolean ended = false;
        while (!ended) {
            try {
                end.await();
                ended = true;
            } catch (InterruptedException deaf) {
                seen.accept("interrupted");
            }
        }
        seen.accept("ended");
    }

    @Test
    void handler_thatDoesNotStop_isAbandonedAndItsJobGoesOn() {
        enqueueWithTimeout(1, 5);
        Worker worker = rig.start(stubborn().handle(NUMBER, (job, number) -> standStill()));

        rig.awaitState("retryable", 1);
        seen.await("interrupted"::equals, SOON);
        assertThat(seen.all()).doesNotContain("ended");
        assertThat(rig.error("type")).isEqualTo("timeout");
        assertThat(rig.error("trace")).contains("did not stop when asked", "StuckHandlerTest.standStill");
        assertThat(database.queryLong("SELECT attempt FROM job")).isEqualTo(1);
        assertThat(worker.metrics().count(Counter.HANDLERS_ABANDONED)).isEqualTo(1);
        assertThat(rig.warnings("did not stop within 1000 ms")).hasSize(1);
        events.await(JobEvent.Failed.class::isInstance, SOON);
        // Jobs may begin before the worker is told to be up.
        assertThat(events.all())
                .filteredOn(JobEvent.OfAttempt.class::isInstance)
                .extracting(Object::getClass)
                .containsExactly(
                        JobEvent.Claimed.class,
                        JobEvent.Started.class,
                        JobEvent.Abandoned.class,
                        JobEvent.Failed.class);
        end.countDown();
    }

    @Test
    void handler_thatEndsAfterItWasAbandoned_isIgnoredAndFreesItsSlot() {
        enqueueWithTimeout(1, 5);
        rig.start(stubborn().handle(NUMBER, (job, number) -> {
            if (number.n() == 1) {
                standStill();
            }
            seen.accept("ran " + number.n());
        }));
        rig.awaitState("retryable", 1);
        rig.enqueue(2);
        rig.awaitState("available", 1);
        assertThat(seen.all()).doesNotContain("ran 2");

        end.countDown();

        rig.awaitState("completed", 1);
        assertThat(seen.all()).contains("ran 1", "ran 2");
        // What it returned would have completed the first one.
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'retryable' AND args->>'n' = '1'"))
                .isEqualTo(1);
        assertThat(rig.warnings("changed nothing")).isEmpty();
    }

    @Test
    void handler_cancelledFromOutsideThatDoesNotStop_isAbandonedAndItsJobCancelled() {
        TestSignal<Long> running = new TestSignal<>();
        rig.enqueue(1);
        rig.start(stubborn().handle(NUMBER, (job, number) -> {
            running.accept(job.id());
            standStill();
        }));
        database.execute("SELECT * FROM cancel_jobs(ARRAY[?]::bigint[])", running.await(SOON));

        rig.awaitState("cancelled", 1);
        assertThat(seen.all()).doesNotContain("ended");
        assertThat(rig.warnings("did not stop within 1000 ms")).hasSize(1);
        events.await(JobEvent.Cancelled.class::isInstance, SOON);
        end.countDown();
        seen.await("ended"::equals, SOON);
        rig.awaitState("cancelled", 1);
    }

    @Test
    void handler_abandonedInItsLastAttempt_isDiscarded() {
        enqueueWithTimeout(1, 1);
        rig.start(stubborn().handle(NUMBER, (job, number) -> standStill()));

        rig.awaitState("discarded", 1);
        assertThat(rig.error("type")).isEqualTo("timeout");
        end.countDown();
    }

    @Test
    void handler_abandoned_canNotCompleteInItsTransactionLater() {
        TestSignal<Throwable> refused = new TestSignal<>();
        enqueueWithTimeout(1, 5);
        rig.start(stubborn().handle(NUMBER, (job, number) -> {
            standStill();
            try {
                completeInOwnTransaction(job);
            } catch (Exception gone) {
                refused.accept(gone);
            }
        }));
        rig.awaitState("retryable", 1);
        end.countDown();

        assertThat(refused.await(SOON)).hasMessageContaining("lease of job");
        rig.awaitState("retryable", 1);
    }

    private void completeInOwnTransaction(RunningJob job) throws SQLException {
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            job.completeIn(connection);
            connection.commit();
        }
    }

    @Test
    void handler_stuckWithItsCompletionUncommitted_isLeftAloneAndHoldsUpNoOther() {
        // Long enough for the completion to be written before the first interrupt, which would break its connection.
        enqueueWithTimeout(1, 5, Duration.ofSeconds(5));
        TestSignal<String> holding = new TestSignal<>();
        rig.start(stubborn().queue("other", 1).handle(NUMBER, (job, number) -> {
            if (number.n() == 1) {
                try (Connection connection = database.connect()) {
                    connection.setAutoCommit(false);
                    job.completeIn(connection);
                    holding.accept("the row");
                    standStill();
                    commitBeyondInterrupts(connection);
                }
            }
        }));
        holding.await(SOON);
        await().atMost(SOON)
                .until(() -> seen.all().stream().filter("interrupted"::equals).count() >= 15);
        rig.millrace().enqueue(NUMBER, new WorkerRig.Number(2), o -> o.queue("other"));
        rig.awaitState("completed", 1);

        end.countDown();
        rig.awaitState("completed", 2);
    }

    /** An interrupt, of which there is one each tenth of a second, closes the socket that a virtual thread waits on. */
    private static void commitBeyondInterrupts(Connection connection) {
        CompletableFuture.runAsync(() -> {
                    try {
                        connection.commit();
                    } catch (SQLException failure) {
                        throw new IllegalStateException(failure);
                    }
                })
                .join();
    }

    @Test
    void close_withAnAbandonedHandler_isBoundedAndLeavesItsJobAlone() {
        enqueueWithTimeout(1, 5);
        Worker worker =
                rig.start(stubborn().grace(Duration.ofMillis(100)).handle(NUMBER, (job, number) -> standStill()));
        rig.awaitState("retryable", 1);

        long began = System.nanoTime();
        worker.close();

        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
        assertThat(database.queryString("SELECT state FROM job")).isEqualTo("retryable");
        assertThat(rig.warnings("are given back")).isEmpty();
        end.countDown();
        seen.await("ended"::equals, SOON);
    }

    @Test
    void setter_outOfRange_namesTheValueAndTheRange() {
        assertThatThrownBy(() -> rig.worker().abandonAfter(Duration.ofMillis(999)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Abandon after PT0.999S is out of range: PT1S to PT1H");
    }
}
