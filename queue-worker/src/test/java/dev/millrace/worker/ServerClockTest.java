package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.FakeClock;
import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The server's wall clock is wrong by hours, or is set while workers run. All leases are on it; the process never reads its own. */
class ServerClockTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(60);
    /** Handlers are stopped after three quarters of it: five seconds after a beat was due. */
    private static final Duration LEASE = Duration.ofSeconds(10);

    private final FakeClock clock;
    private final PgServer server;
    private final Database database;
    private final Map<Long, AtomicInteger> runs = new ConcurrentHashMap<>();
    private final CountDownLatch release = new CountDownLatch(1);
    private final TestSignal<ConnectionEvent> events = new TestSignal<>();

    ServerClockTest() {
        FakeClock.assumeAvailable();
        clock = FakeClock.offBy(Duration.ZERO);
        server = PgServer.builder().clock(clock).start();
        database = Database.of(server.url("postgres"));
        Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
    }

    @AfterEach
    void stop() {
        release.countDown();
        server.close();
        clock.close();
    }

    private Worker worker(String instance) {
        Worker worker = Worker.builder(database.withInstance(instance))
                .handle(NUMBER, (job, number) -> {
                    runs.computeIfAbsent(job.id(), id -> new AtomicInteger()).incrementAndGet();
                    if (number.n() < 0) {
                        release.await();
                    }
                })
                .queue("default", 4)
                .lease(LEASE)
                .onEvent(events)
                .build();
        worker.start();
        return worker;
    }

    /** Sets the clock of the server, and sees that it is set. */
    private void set(Duration offset) {
        clock.set(offset);
        await().atMost(SOON)
                .until(() -> Math.abs(count("SELECT extract(epoch FROM clock_timestamp())::bigint")
                                - Instant.now().plus(offset).getEpochSecond())
                        < 5);
    }

    @ParameterizedTest
    @ValueSource(longs = {5, -5})
    void clockHoursOff_changesNothing(long hours) throws Exception {
        set(Duration.ofHours(hours));
        try (Millrace millrace = Millrace.connect(database);
                Worker worker = worker("w")) {
            millrace.enqueueAll(NUMBER, IntStream.range(0, 100).mapToObj(Number::new));
            millrace.enqueue(NUMBER, new Number(1), options -> options.in(Duration.ofSeconds(1)));
            long held = millrace.enqueue(NUMBER, new Number(-1));
            await().atMost(SOON).until(() -> completed() == 101);
            // One job is held for two leases.
            long leases = count("SELECT extract(epoch FROM heartbeat_at)::bigint FROM millrace.worker")
                    + 2 * LEASE.toSeconds();
            await().atMost(SOON)
                    .until(() ->
                            count("SELECT extract(epoch FROM heartbeat_at)::bigint FROM millrace.worker") > leases);
            release.countDown();
            await().atMost(SOON).until(() -> completed() == 102);

            assertThat(runs)
                    .hasSize(102)
                    .allSatisfy((id, times) -> assertThat(times).hasValue(1));
            assertThat(runs).containsKey(held);
            assertThat(worker.metrics().count(Counter.LEASES_LOST)).isZero();
            assertThat(worker.metrics().count(Counter.OUTAGES)).isZero();
        }
    }

    /** All leases look expired at once, and nobody is declared dead for that. */
    @Test
    void clockJumpsForward_noJobIsTakenFromALivingWorker() throws Exception {
        try (Millrace millrace = Millrace.connect(database);
                Worker one = worker("one");
                Worker two = worker("two")) {
            millrace.enqueueAll(NUMBER, IntStream.range(0, 8).mapToObj(i -> new Number(-1)));
            await().atMost(SOON).until(() -> count("SELECT count(*) FROM millrace.job_running") == 8);
            // Rescue does not happen in the first lease of a server.
            awaitServerUpForALease();

            set(Duration.ofHours(2));
            await().atMost(SOON)
                    .until(() -> count(
                                    "SELECT count(*) FROM millrace.worker WHERE heartbeat_at > now() - interval '1 minute'")
                            == 2);
            release.countDown();
            millrace.enqueue(NUMBER, new Number(1), options -> options.in(Duration.ofSeconds(1)));
            await().atMost(SOON).until(() -> completed() == 9);

            assertThat(count("SELECT count(*) FROM millrace.job")).isEqualTo(9);
            assertThat(count("SELECT count(DISTINCT id) FROM millrace.job")).isEqualTo(9);
            long again = count("SELECT sum(attempt) - 9 FROM millrace.job");
            assertThat(again).isZero();
            System.out.printf(
                    "| server's clock jumps 2 h forward | 9 jobs, 9 completions, %d run again, %d late ones rejected |%n",
                    again,
                    one.metrics().count(Counter.LEASES_LOST) + two.metrics().count(Counter.LEASES_LOST));
        }
    }

    @Test
    void clockJumpsBack_livingWorkersGoOn() throws Exception {
        set(Duration.ofHours(2));
        try (Millrace millrace = Millrace.connect(database);
                Worker one = worker("one");
                Worker two = worker("two")) {
            millrace.enqueueAll(NUMBER, IntStream.range(0, 8).mapToObj(i -> new Number(-1)));
            await().atMost(SOON).until(() -> count("SELECT count(*) FROM millrace.job_running") == 8);

            set(Duration.ZERO);
            await().atMost(SOON)
                    .until(() -> count(
                                    "SELECT count(*) FROM millrace.worker WHERE heartbeat_at < now() + interval '1 minute'")
                            == 2);
            release.countDown();
            millrace.enqueue(NUMBER, new Number(1), options -> options.in(Duration.ofSeconds(1)));
            await().atMost(SOON).until(() -> completed() == 9);

            assertThat(runs)
                    .hasSize(9)
                    .allSatisfy((id, times) -> assertThat(times).hasValue(1));
            assertThat(one.metrics().count(Counter.LEASES_LOST)).isZero();
            assertThat(two.metrics().count(Counter.LEASES_LOST)).isZero();
        }
    }

    /** Its leases last for two hours more by the clock that was set right: nobody would lead, nor run its job, until then. */
    @Test
    void clockJumpsBack_theLeadAndJobOfADeadWorkerAreTakenOverWithinALease() throws Exception {
        awaitServerUpForALease();
        set(Duration.ofHours(2));
        try (Millrace millrace = Millrace.connect(database);
                JavaProcess process = JavaProcess.main(
                                System.getProperty("java.class.path"),
                                PartitionedProgram.class.getName(),
                                server.url("postgres"),
                                String.valueOf(LEASE.toSeconds()))
                        .options("-Xmx128m", "-XX:TieredStopAtLevel=1")
                        .start()) {
            millrace.enqueue(PartitionedProgram.LONG, new PartitionedProgram.Number(1));
            process.awaitStdout("running 1", SOON);
            await().atMost(SOON).until(() -> count("SELECT count(*) FROM millrace.leader") == 1);
            process.kill9();
            set(Duration.ZERO);
            long begun = System.nanoTime();

            TestSignal<Integer> ranAgain = new TestSignal<>();
            try (Worker worker = Worker.builder(database)
                    .handle(PartitionedProgram.LONG, (job, number) -> ranAgain.accept(job.attempt()))
                    .lease(LEASE)
                    .build()) {
                worker.start();
                assertThat(ranAgain.await(SOON)).isEqualTo(2);
                System.out.printf(
                        "| server's clock jumps 2 h back, leader dead | its job run again after %d ms, lease of %d s |%n",
                        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun), LEASE.toSeconds());
                await().atMost(SOON).until(() -> completed() == 1);
            }
        }
    }

    private void awaitServerUpForALease() {
        String sql = "SELECT (clock_timestamp() > pg_postmaster_start_time() + interval '%d seconds')::int"
                .formatted(LEASE.toSeconds() + 2);
        await().atMost(SOON).until(() -> count(sql) == 1);
    }

    private long completed() throws SQLException {
        return count("SELECT count(*) FROM millrace.job WHERE state = 'completed'");
    }

    private long count(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
