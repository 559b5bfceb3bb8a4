package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.LeaseLostException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class CompleteInTest {

    private final TestDatabase database;
    private WorkerRig rig;

    CompleteInTest(TestDatabase database) {
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

    @BeforeEach
    void createEffects() {
        database.execute("DROP TABLE IF EXISTS millrace.effect; CREATE TABLE millrace.effect (attempt int)");
    }

    private static void effect(Connection connection, int attempt) throws SQLException {
        try (var insert = connection.prepareStatement("INSERT INTO millrace.effect VALUES (?)")) {
            insert.setInt(1, attempt);
            insert.execute();
        }
    }

    private long effects() {
        return database.queryLong("SELECT count(*) FROM millrace.effect");
    }

    /** Soon, so that a second life would be seen. */
    private static final RetryPolicy AT_ONCE = RetryPolicy.fixed(Duration.ZERO);

    @Test
    void completeIn_exceptionBeforeCommit_isAFailedAttemptWithoutEffects() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .handle(
                        NUMBER,
                        (job, number) -> job.inTransaction(connection -> {
                            effect(connection, job.attempt());
                            job.completeIn(connection);
                            if (job.attempt() == 1) {
                                throw new IllegalStateException("before commit");
                            }
                            return null;
                        }),
                        AT_ONCE));

        rig.awaitState("completed", 1);
        assertThat(database.queryLong("SELECT attempt FROM job")).isEqualTo(2);
        assertThat(rig.error("message")).isEqualTo("before commit");
        assertThat(database.queryLong("SELECT sum(attempt) FROM millrace.effect"))
                .isEqualTo(2);
    }

    @Test
    void completeIn_rolledBackAndHandlerReturns_isCompletedByTheEngineWithoutEffects() {
        AtomicInteger runs = new AtomicInteger();
        rig.enqueue(1);
        rig.start(rig.worker().handle(NUMBER, (job, number) -> {
            runs.incrementAndGet();
            try (Connection connection = database.connect()) {
                connection.setAutoCommit(false);
                effect(connection, 1);
                job.completeIn(connection);
                connection.rollback();
            }
        }));

        rig.awaitState("completed", 1);
        assertThat(runs).hasValue(1);
        assertThat(effects()).isZero();
    }

    @Test
    void completeIn_exceptionAfterCommit_isNoSecondLife() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        rig.enqueue(1);
        Worker worker = rig.start(rig.worker()
                .handle(
                        NUMBER,
                        (job, number) -> {
                            runs.incrementAndGet();
                            job.inTransaction(connection -> {
                                effect(connection, 1);
                                job.completeIn(connection);
                                return null;
                            });
                            throw new IllegalStateException("after commit");
                        },
                        AT_ONCE));

        rig.awaitState("completed", 1);
        worker.awaitEmpty();
        worker.close();
        assertThat(runs).hasValue(1);
        assertThat(effects()).isEqualTo(1);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE errors IS NULL"))
                .isEqualTo(1);
        assertThat(rig.warnings("changed nothing")).isEmpty();
    }

    @Test
    void completeIn_sessionDiesBeforeCommit_isAFailedAttemptAndRunsAgain() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .handle(
                        NUMBER,
                        (job, number) -> {
                            try (Connection connection = database.connect()) {
                                connection.setAutoCommit(false);
                                effect(connection, job.attempt());
                                job.completeIn(connection);
                                if (job.attempt() == 1) {
                                    killSession(connection);
                                }
                                connection.commit();
                            }
                        },
                        AT_ONCE));

        rig.awaitState("completed", 1);
        assertThat(database.queryLong("SELECT attempt FROM job")).isEqualTo(2);
        assertThat(database.queryLong("SELECT sum(attempt) FROM millrace.effect"))
                .isEqualTo(2);
    }

    private void killSession(Connection connection) throws SQLException {
        try (var pid = connection.createStatement().executeQuery("SELECT pg_backend_pid()")) {
            pid.next();
            database.execute("SELECT pg_terminate_backend(?, 5000)", pid.getInt(1));
        }
    }

    @Test
    void completeIn_workerDiesAfterCommit_isNotRescued() {
        // What a process leaves behind that was killed between its commit and its answer: a job that is final, a worker
        // that is not.
        TestSignal<String> committed = new TestSignal<>();
        rig.enqueue(1);
        Worker worker = rig.start(rig.worker().lease(Duration.ofSeconds(5)).handle(NUMBER, (job, number) -> {
            job.inTransaction(connection -> {
                job.completeIn(connection);
                return null;
            });
            committed.accept("committed");
        }));
        committed.await(SOON);
        String dead = worker.id();
        worker.close();
        // Its row may be there still, where its last beat was slow.
        database.execute(
                "INSERT INTO worker (id, lease_expires_at) VALUES (?, clock_timestamp() - interval '1 minute')"
                        + " ON CONFLICT (id) DO UPDATE SET lease_expires_at = excluded.lease_expires_at",
                dead);
        TestSignal<Integer> again = new TestSignal<>();
        rig.start(
                rig.worker().lease(Duration.ofSeconds(5)).handle(NUMBER, (job, number) -> again.accept(job.attempt())));

        await().atMost(SOON)
                .until(() -> database.queryLong("SELECT count(*) FROM worker WHERE id = '" + dead + "'") == 0);
        assertThat(again.all()).isEmpty();
        rig.awaitState("completed", 1);
    }

    @Test
    void completeIn_leaseIsGone_isRefusedAndToldAsLost() {
        TestSignal<Throwable> refused = new TestSignal<>();
        rig.enqueue(1);
        rig.start(rig.worker().handle(NUMBER, (job, number) -> {
            if (refused.all().isEmpty()) {
                takeOver(job.id());
                try {
                    job.inTransaction(connection -> {
                        effect(connection, 1);
                        job.completeIn(connection);
                        return null;
                    });
                } catch (LeaseLostException lost) {
                    refused.accept(lost);
                    throw lost;
                }
            }
        }));

        assertThat(refused.await(SOON)).hasMessageContaining("roll back");
        rig.awaitState("completed", 1);
        assertThat(effects()).isZero();
        await().atMost(SOON).until(() -> !rig.warnings("changed nothing").isEmpty());
    }

    private void takeOver(long id) {
        database.execute("""
                WITH gone AS (DELETE FROM job_running WHERE id = ? RETURNING *)
                INSERT INTO job (id, kind, args, attempt, created_at, scheduled_at)
                SELECT id, kind, args, attempt, created_at, scheduled_at FROM gone""", id);
    }
}
