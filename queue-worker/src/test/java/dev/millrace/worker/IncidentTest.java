package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The incidents of other systems that are the reason for this one; the rest of them is in the tests of the connections. */
@PostgresTest
class IncidentTest {

    record Number(int n) {}

    private static final JobType<Number> HOLD = JobType.of("hold", Number.class);
    private static final JobType<Number> QUICK = JobType.of("quick", Number.class);
    private static final Duration SOON = Duration.ofSeconds(40);
    private static final Duration LEASE = Duration.ofSeconds(10);

    private final TestDatabase database;

    IncidentTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE millrace.job");
    }

    private long sessions(String condition) {
        return database.queryLong("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                + " AND application_name LIKE 'millrace/%' AND " + condition);
    }

    /** Waits like code that knows nothing of interrupts. */
    private static void hold(CountDownLatch until) {
        boolean held = true;
        while (held) {
            try {
                until.await();
                held = false;
            } catch (InterruptedException ignored) {
                held = until.getCount() > 0;
            }
        }
    }

    /** PeerDB: a run that was dropped in the middle left its session idle in transaction. */
    @Test
    void runDroppedInTheMiddle_leavesNothingIdleInTransaction() {
        CountDownLatch release = new CountDownLatch(1);
        TestSignal<Integer> inside = new TestSignal<>();
        // The server's own limit is far away: it must not be what ends the session.
        Timeouts timeouts = new Timeouts(
                Timeouts.DEFAULT.lock(),
                Timeouts.DEFAULT.statement(),
                Timeouts.DEFAULT.operation(),
                Timeouts.DEFAULT.socketRead(),
                Duration.ofMinutes(10),
                Timeouts.DEFAULT.tcpConnect(),
                Timeouts.DEFAULT.connect(),
                Timeouts.DEFAULT.probeInterval(),
                Timeouts.DEFAULT.probe());
        Worker worker = Worker.builder(Database.of(database.url()).withTimeouts(timeouts))
                .handle(
                        HOLD,
                        (job, number) -> job.inTransaction(connection -> {
                            connection.createStatement().execute("CREATE TABLE IF NOT EXISTS public.held (n int)");
                            inside.accept(number.n());
                            hold(release);
                            return number.n();
                        }))
                .grace(Duration.ZERO)
                .build();
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            worker.start();
            millrace.enqueue(HOLD, new Number(1));
            inside.await(SOON);
            await().atMost(SOON).until(() -> sessions("state = 'idle in transaction'") == 1);
            worker.close();
            await().atMost(SOON).until(() -> sessions("state LIKE 'idle in transaction%'") == 0);
            assertThat(database.queryString("SELECT to_regclass('public.held')::text"))
                    .isNull();
            assertThat(database.queryString("SELECT state FROM millrace.job")).isEqualTo("available");
        } finally {
            release.countDown();
            worker.close();
        }
    }

    /** pgxpool: the pool was closed at shutdown under those who still used it. */
    @Test
    void poolIsNotClosedUnderItsUsersAtShutdown() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        TestSignal<Integer> inside = new TestSignal<>();
        Worker worker = Worker.builder(Database.of(database.url()))
                .handle(HOLD, (job, number) -> {
                    inside.accept(number.n());
                    hold(release);
                    // Only now does it ask for a connection, and close has long begun.
                    job.inTransaction(connection -> {
                        job.completeIn(connection, "done in my own transaction");
                        return number.n();
                    });
                })
                .grace(SOON)
                .build();
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            worker.start();
            millrace.enqueue(HOLD, new Number(1));
            inside.await(SOON);
            Thread closer = new Thread(worker::close);
            closer.start();
            await().atMost(SOON).until(() -> !worker.health().ready());
            release.countDown();
            closer.join(SOON.toMillis());
            assertThat(closer.isAlive()).isFalse();
        } finally {
            release.countDown();
            worker.close();
        }
        assertThat(database.queryString("SELECT state || ' ' || attempt || ' ' || output FROM millrace.job"))
                .isEqualTo("completed 1 \"done in my own transaction\"");
    }

    /** SysReptor: workers that kept their connections used up all that the server had. */
    @Test
    void hundredHandlersThatNeverGiveTheirConnectionBack_doNotExhaustTheServer() {
        int poolSize = 6;
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger holding = new AtomicInteger();
        AtomicInteger quick = new AtomicInteger();
        Worker worker = Worker.builder(Database.of(database.url()).withPoolSize(poolSize))
                .handle(
                        HOLD,
                        (job, number) -> job.inTransaction(connection -> {
                            holding.incrementAndGet();
                            hold(release);
                            return number.n();
                        }))
                .handle(QUICK, (job, number) -> quick.incrementAndGet())
                .queue("default", 100)
                .queue("quick", 5)
                .lease(LEASE)
                .grace(Duration.ZERO)
                .build();
        try (Millrace millrace = Millrace.connect(Database.of(database.url()).withInstance("producer"))) {
            worker.start();
            JobType<Number> impatient = HOLD.withDefaults(options -> options.timeout(Duration.ofMillis(200)));
            millrace.enqueueAll(impatient, IntStream.range(0, 100).mapToObj(Number::new));
            await().atMost(SOON).until(() -> holding.get() == poolSize - 2);
            String held = String.valueOf(database.queryString("SELECT clock_timestamp()::text"));
            millrace.enqueueAll(
                    QUICK.withDefaults(options -> options.queue("quick")),
                    IntStream.range(0, 200).mapToObj(Number::new));
            await().atMost(SOON).until(() -> quick.get() == 200);
            // Five seconds after the timeout of its job each is taken away from its handler.
            await().atMost(SOON).until(() -> worker.metrics().count(Counter.LEAKED_CONNECTIONS) >= poolSize - 2);
            assertThat(worker.supervisor().connections()).isLessThanOrEqualTo(poolSize + 2);
            // The server may need a moment to notice that a connection was taken away.
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(sessions("application_name NOT LIKE 'millrace/producer/%'"))
                            .isLessThanOrEqualTo(poolSize + 2));
            // The lease went on all the while, for longer than one lasts.
            await().atMost(SOON)
                    .until(() -> database.queryLong(
                                    "SELECT count(*) FROM millrace.worker WHERE heartbeat_at > ?::timestamptz + ? * interval '1 second'",
                                    held,
                                    LEASE.toSeconds())
                            == 1);
            assertThat(worker.metrics().count(Counter.LEASES_ABANDONED)).isZero();
            assertThat(worker.metrics().count(Counter.HEARTBEAT_FAILURES)).isZero();
            assertThat(worker.health().ready()).isTrue();
        } finally {
            release.countDown();
            worker.close();
        }
    }
}
