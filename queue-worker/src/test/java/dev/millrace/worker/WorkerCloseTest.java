package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.error.MillraceException;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A close may come at any moment of a start. */
@PostgresTest
class WorkerCloseTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(30);

    private final TestDatabase database;

    WorkerCloseTest(TestDatabase database) {
        this.database = database;
    }

    /** A row that stays behind would make others wait for the end of its lease. */
    @Test
    void closeAtAnyMomentOfAStart_leavesNothing() throws Exception {
        for (int i = 0; i < 30; i++) {
            CountDownLatch connected = new CountDownLatch(1);
            Worker worker = Worker.builder(Database.of(database.url()))
                    .handle(NUMBER, (job, number) -> {})
                    .onEvent(event -> connected.countDown())
                    .build();
            Thread starter = new Thread(() -> {
                try {
                    worker.start();
                } catch (MillraceException | IllegalStateException closedMeanwhile) {
                    // As it should be.
                }
            });
            starter.start();
            if (i % 3 > 0) {
                // Just connected: the worker is about to register. A few rounds of a loop later it has.
                assertThat(connected.await(30, TimeUnit.SECONDS)).isTrue();
                for (int spin = 0; spin < i * 20_000; spin++) {
                    Thread.onSpinWait();
                }
            }
            worker.close();
            starter.join();
            worker.close();
            assertThat(database.queryLong("SELECT count(*) FROM millrace.worker"))
                    .as("round %d", i)
                    .isZero();
        }
        await().atMost(SOON)
                .until(() -> database.queryLong(
                                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace/%'")
                        == 0);
    }
}
