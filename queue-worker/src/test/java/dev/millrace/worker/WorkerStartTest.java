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

/** A close or an outage may come at any moment of a start. */
@PostgresTest
class WorkerStartTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(30);

    private final TestDatabase database;

    WorkerStartTest(TestDatabase database) {
        this.database = database;
    }

    /** The session ends in the statement that registers the worker, the first time. */
    @Test
    void connectionLostWhileRegistering_isTriedAgain() throws Exception {
        database.execute("CREATE SEQUENCE public.registered");
        database.execute(
                "CREATE FUNCTION public.end_first_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                        + "IF nextval('public.registered') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN new; END $$");
        database.execute("CREATE TRIGGER end_first_session BEFORE INSERT ON millrace.worker"
                + " FOR EACH ROW EXECUTE FUNCTION public.end_first_session()");
        try (Worker worker = Worker.builder(Database.of(database.url()))
                .handle(NUMBER, (job, number) -> {})
                .build()) {
            worker.start();
            assertThat(database.queryLong("SELECT count(*) FROM millrace.worker"))
                    .isEqualTo(1);
            assertThat(worker.health().epoch()).isEqualTo(2);
        } finally {
            database.execute("DROP TRIGGER end_first_session ON millrace.worker");
        }
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
