package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Somebody holds a lock on one running job for long: that job waits for it, and no other. */
@PostgresTest
class LockedRowTest {

    private static final int JOBS = 20;

    private final TestDatabase database;
    private WorkerRig rig;

    LockedRowTest(TestDatabase database) {
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

    @Test
    void lockedRow_holdsUpItsOwnOutcomeOnly() throws SQLException {
        CountDownLatch goOn = new CountDownLatch(1);
        for (int n = 0; n < JOBS; n++) {
            rig.enqueue(n);
        }
        Worker worker = rig.start(rig.worker().queue("default", JOBS).handle(NUMBER, (job, number) -> goOn.await()));
        rig.awaitState("running", JOBS);
        try (Connection operator = database.connect();
                Statement statement = operator.createStatement()) {
            operator.setAutoCommit(false);
            statement.execute("SELECT FROM millrace.job_running WHERE args ->> 'n' = '7' FOR UPDATE");

            goOn.countDown();

            await().atMost(Duration.ofSeconds(40))
                    .untilAsserted(
                            () -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'"))
                                    .isEqualTo(JOBS - 1));
            assertThat(database.queryString("SELECT args ->> 'n' FROM job WHERE state = 'running'"))
                    .isEqualTo("7");
            operator.rollback();
        }
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'"))
                                .isEqualTo(JOBS));
        assertThat(worker.metrics().count(Counter.LEASES_LOST)).isZero();
    }
}
