package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import org.junit.jupiter.api.Test;

@PostgresTest
class HeartbeatTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final Duration LEASE = Duration.ofSeconds(5);

    private final TestDatabase database;

    HeartbeatTest(TestDatabase database) {
        this.database = database;
    }

    /** All others wait for 2 to 30 seconds then, to spare the server; a lease would be over before the second try. */
    @Test
    void serverThatLacksRoom_isAskedAgainFourTimesInALease() {
        database.execute("CREATE FUNCTION public.disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                + "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$");
        try (Worker worker = Worker.builder(Database.of(database.url()))
                .handle(NUMBER, (job, number) -> {})
                .lease(LEASE)
                // Who leads would take the row away when the lease is over, and then there is none to update.
                .maintenance(false)
                .build()) {
            worker.start();
            database.execute("CREATE TRIGGER disk_full BEFORE UPDATE ON millrace.worker"
                    + " FOR EACH ROW EXECUTE FUNCTION public.disk_full()");
            await().pollInterval(Duration.ofMillis(10)).atMost(SOON).until(() -> failures(worker) > 0);
            long first = System.nanoTime();
            await().pollInterval(Duration.ofMillis(10)).atMost(SOON).until(() -> failures(worker) > 8);
            // Two leases, and as long for a machine that stalls: the others would be at their third or fourth try.
            assertThat(Duration.ofNanos(System.nanoTime() - first)).isLessThan(LEASE.multipliedBy(4));
            assertThat(worker.health().ready()).isTrue();
            assertThat(worker.health().epoch()).isEqualTo(1);
        } finally {
            database.execute("DROP TRIGGER disk_full ON millrace.worker");
        }
    }

    private static long failures(Worker worker) {
        return worker.metrics().count(Counter.HEARTBEAT_FAILURES);
    }
}
