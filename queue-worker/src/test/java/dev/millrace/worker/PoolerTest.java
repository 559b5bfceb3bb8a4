package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.connection.Plans;
import dev.millrace.connection.State;
import dev.millrace.connection.Supervisor;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PgBouncer;
import dev.millrace.testing.PgBouncer.PoolMode;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Everything through a real PgBouncer: what breaks there is noticed or flagged, and work goes on by polling. */
class PoolerTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    /** A proof of notifications that came late is repeated after a minute. */
    private static final Duration SOON = Duration.ofSeconds(90);

    private static final int JOBS = 400;

    private static PgServer server;

    private final AtomicInteger ran = new AtomicInteger();
    private final TestSignal<ConnectionEvent> events = new TestSignal<>();

    @BeforeAll
    static void startServer() {
        PgBouncer.assumeInstalled();
        server = PgServer.builder().start();
        Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                .migrate();
    }

    @AfterAll
    static void stopServer() {
        if (server != null) {
            server.close();
        }
    }

    @BeforeEach
    void empty() throws SQLException {
        execute("TRUNCATE millrace.job");
    }

    private static PgBouncer.Builder pooler(PoolMode mode) {
        return PgBouncer.builder("127.0.0.1", server.port()).poolMode(mode);
    }

    private Worker worker(Database database) {
        return Worker.builder(database)
                .handle(NUMBER, (job, number) -> ran.incrementAndGet())
                .queue("default", 8)
                .onEvent(events)
                .build();
    }

    /** Many times each statement, so that the driver would prepare it on one server connection and miss it on another. */
    private void work(Database database, State expected) throws Exception {
        try (Worker worker = worker(database);
                Millrace millrace = Millrace.connect(database)) {
            worker.start();
            await().atMost(SOON).until(() -> worker.health().state() == expected);
            if (expected == State.DEGRADED) {
                ConnectionEvent degraded = events.await(event -> event instanceof ConnectionEvent.Degraded, SOON);
                assertThat(degraded.toString()).contains("did not arrive");
            }
            for (int i = 0; i < JOBS / 2; i++) {
                millrace.enqueue(NUMBER, new Number(i));
            }
            millrace.enqueueAll(NUMBER, IntStream.range(0, JOBS / 2).mapToObj(Number::new));
            await().atMost(SOON).until(() -> ran.get() >= JOBS);
            worker.awaitEmpty();
            assertThat(worker.health().ready()).isTrue();
        }
        assertThat(ran.get()).isEqualTo(JOBS);
        assertThat(count("SELECT count(*) FROM millrace.job WHERE state = 'completed'"))
                .isEqualTo(JOBS);
        assertThat(server.log()).doesNotContain("prepared statement", "deadlock");
    }

    /** Or else they would be those of whoever gets that session of the server next. */
    @Test
    void transactionMode_sessionsKeepTheirSettings_whateverPlansAreAskedFor() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION).start();
                Supervisor supervisor = Supervisor.connect(Database.of(pooler.url("postgres")), null, SOON)) {
            String scans = supervisor.work(Plans.BY_INDEX, connection -> {
                try (Statement statement = connection.createStatement();
                        ResultSet row = statement.executeQuery("SHOW enable_seqscan")) {
                    row.next();
                    return row.getString(1);
                }
            });

            assertThat(scans).isEqualTo("on");
        }
    }

    @Test
    void transactionMode_isNoticed_andWorkedByPolling() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION).defaultPoolSize(5).start()) {
            work(Database.of(pooler.url("postgres")), State.DEGRADED);
        }
    }

    @Test
    void transactionMode_flagged_andOptionsRefused() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION)
                .ignoreStartupParameters("extra_float_digits")
                .start()) {
            work(Database.of(pooler.url("postgres")).withPooler(), State.DEGRADED);
        }
    }

    /** Not flagged, and the pooler refuses what we ask of a session: asked for nothing, it works. */
    @Test
    void optionsRefused_areLeftOut() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION)
                .ignoreStartupParameters("extra_float_digits")
                .start()) {
            work(Database.of(pooler.url("postgres")), State.DEGRADED);
        }
    }

    @Test
    void directUrl_listensPastThePooler() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION).start()) {
            work(Database.of(pooler.url("postgres")).withDirectUrl(server.url("postgres")), State.UP);
        }
    }

    @Test
    void sessionMode_listensAsWithout() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.SESSION).defaultPoolSize(40).start()) {
            work(Database.of(pooler.url("postgres")), State.UP);
        }
    }

    /** Without notifications the worker looks by itself. */
    @Test
    void cancelOfARunningJob_reachesItsHandlerByPolling() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION).start();
                Millrace direct = Millrace.connect(Database.of(server.url("postgres")));
                Worker worker = Worker.builder(
                                Database.of(pooler.url("postgres")).withPooler())
                        .handle(NUMBER, (job, number) -> {
                            ran.incrementAndGet();
                            while (!job.isCancelled()) {
                                Thread.onSpinWait();
                            }
                            throw new IllegalStateException("stopped");
                        })
                        .build()) {
            worker.start();
            await().atMost(SOON).until(() -> worker.health().state() == State.DEGRADED);
            long id = direct.enqueue(NUMBER, new Number(1));
            await().atMost(SOON).until(() -> ran.get() == 1);

            direct.jobs().cancel(id);

            await().atMost(SOON).until(() -> count("SELECT count(*) FROM millrace.job WHERE state = 'cancelled'") == 1);
        }
    }

    /** Fewer clients are let in than would like to: those that are in do the work. */
    @Test
    void clientLimit_isLivedWith() throws Exception {
        try (PgBouncer pooler =
                pooler(PoolMode.TRANSACTION).maxClientConnections(7).start()) {
            work(Database.of(pooler.url("postgres")), State.DEGRADED);
        }
    }

    /** The pooler dies and comes back, pauses and goes on: nothing is lost. */
    @Test
    void poolerRestartedAndPaused_losesNothing() throws Exception {
        try (PgBouncer pooler = pooler(PoolMode.TRANSACTION)
                .queryWaitTimeout(Duration.ofSeconds(1))
                .start()) {
            Database database = Database.of(pooler.url("postgres")).withTimeouts(Timeouts.FAST);
            try (Worker worker = worker(database);
                    Millrace direct = Millrace.connect(Database.of(server.url("postgres")))) {
                worker.start();
                direct.enqueueAll(NUMBER, IntStream.range(0, 200).mapToObj(Number::new));
                pooler.kill9();
                direct.enqueueAll(NUMBER, IntStream.range(0, 100).mapToObj(Number::new));
                pooler.start();
                await().atMost(SOON)
                        .until(() -> count("SELECT count(*) FROM millrace.job WHERE state = 'completed'") == 300);
                long outages = worker.metrics().count(Counter.OUTAGES);
                pooler.pause();
                // Who waits for longer than query_wait_timeout is thrown out.
                await().atMost(SOON).until(() -> worker.metrics().count(Counter.OUTAGES) > outages);
                direct.enqueueAll(NUMBER, IntStream.range(0, 100).mapToObj(Number::new));
                pooler.resume();
                await().atMost(SOON)
                        .until(() -> count("SELECT count(*) FROM millrace.job WHERE state = 'completed'") == 400);
                worker.awaitEmpty();
            }
        }
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static long count(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                ResultSet row = connection.createStatement().executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
