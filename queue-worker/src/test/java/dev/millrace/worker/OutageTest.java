package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.LoggerFactory;

/** The server goes away under a worker that is busy: no job is lost, the log stays short, and work goes on. */
class OutageTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final int JOBS = 400;

    private static PgServer server;
    private static String url;

    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    @BeforeAll
    static void startServer() {
        server = PgServer.builder().config("fsync", "off").start();
        url = server.url("postgres");
        url += (url.contains("?") ? "&" : "?") + "connectTimeout=5&socketTimeout=20&loginTimeout=10";
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(server.url("postgres"));
        Migrator.of(source, SchemaName.DEFAULT).migrate();
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @BeforeEach
    void watchLog() throws SQLException {
        execute("TRUNCATE millrace.job");
        log.start();
        root().addAppender(log);
    }

    @AfterEach
    void unwatchLog() {
        root().detachAppender(log);
    }

    @Test
    void immediateStopAndStart_losesNothing() throws SQLException {
        survives(server -> {
            server.stopImmediate();
            server.start();
        });
    }

    @Test
    void fastRestart_losesNothing() throws SQLException {
        survives(PgServer::restart);
    }

    @Test
    void killedPostmaster_losesNothing() throws SQLException {
        survives(server -> {
            server.killPostmaster();
            server.start();
        });
    }

    @Test
    void allBackendsTerminatedAgainAndAgain_losesNothing() throws SQLException {
        survives(server -> {
            for (int i = 0; i < 5; i++) {
                try {
                    execute(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'millrace/w/%'");
                    await().atMost(Duration.ofSeconds(60))
                            .until(() -> count(
                                            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'millrace/w/%'")
                                    > 0);
                } catch (SQLException failure) {
                    throw new IllegalStateException(failure);
                }
            }
        });
    }

    @Test
    void serverFrozenForALease_cancelsHandlersBeforeTheLeaseEnds_andRunsThemAgain() throws SQLException {
        // The last quarter of it is more than a machine stalls for.
        Duration lease = Duration.ofSeconds(16);
        TestSignal<Long> begun = new TestSignal<>();
        TestSignal<Long> cancelled = new TestSignal<>();
        Database database = Database.of(server.url("postgres"));
        try (Worker worker = Worker.builder(database.withInstance("w"))
                .lease(lease)
                .handle(NUMBER, (job, number) -> {
                    begun.accept(System.nanoTime());
                    if (begun.all().size() == 1) {
                        // Deaf to the interrupt, which may come before a slow thread has seen the cancel.
                        while (!job.isCancelled()) {
                            LockSupport.parkNanos(5_000_000);
                        }
                        cancelled.accept(System.nanoTime());
                        throw new IllegalStateException("stopped");
                    }
                })
                .build()) {
            worker.start();
            execute("INSERT INTO millrace.job (kind, args) VALUES ('number', '{\"n\": 1}')");
            begun.await(Duration.ofSeconds(20));

            server.pause();
            try {
                long frozen = System.nanoTime();
                long stopped = cancelled.await(Duration.ofSeconds(40));
                assertThat(Duration.ofNanos(stopped - frozen)).isLessThan(lease);
            } finally {
                server.resume();
            }
            await().atMost(Duration.ofSeconds(60))
                    .ignoreExceptions()
                    .until(() -> count("SELECT count(*) FROM millrace.job WHERE state = 'completed'") == 1);
        }
    }

    @Test
    void close_whileServerIsFrozen_isBounded() throws SQLException {
        Worker worker = Worker.builder(Database.of(server.url("postgres")).withInstance("w"))
                .grace(Duration.ofSeconds(1))
                .handle(NUMBER, (job, number) -> {})
                .build();
        worker.start();
        server.pause();
        try {
            long began = System.nanoTime();
            worker.close();
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(15));
        } finally {
            server.resume();
        }
    }

    private void survives(Consumer<PgServer> fault) throws SQLException {
        ConcurrentHashMap<Integer, AtomicInteger> runs = new ConcurrentHashMap<>();
        Database database = Database.of(server.url("postgres"));
        try (Millrace millrace = Millrace.connect(database.withInstance("p"));
                Worker worker = Worker.builder(database.withInstance("w"))
                        .queue("default", 4)
                        .handle(NUMBER, (job, number) -> {
                            runs.computeIfAbsent(number.n(), n -> new AtomicInteger())
                                    .incrementAndGet();
                            // Real work takes a moment: the fault must hit jobs that run.
                            LockSupport.parkNanos(2_000_000);
                        })
                        .build()) {
            millrace.enqueueAll(NUMBER, IntStream.range(0, JOBS).mapToObj(Number::new));
            worker.start();
            await().atMost(Duration.ofSeconds(20)).until(() -> runs.size() > 20);

            fault.accept(server);

            await().atMost(Duration.ofSeconds(60))
                    .ignoreExceptions()
                    .until(() -> count("SELECT count(*) FROM millrace.job WHERE state = 'completed'") == JOBS);
            assertThat(count("SELECT count(*) FROM millrace.job")).isEqualTo(JOBS);
            assertThat(runs).hasSize(JOBS);
            // A transaction of the worker's own may be between two statements; the server would end one only after ten
            // seconds.
            await().atMost(Duration.ofSeconds(8))
                    .until(() -> count(
                                    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'millrace%' AND state LIKE 'idle in%'")
                            == 0);
        }
        List<ILoggingEvent> loud = List.copyOf(log.list).stream()
                .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
                .toList();
        assertThat(loud)
                .as(loud.toString())
                .hasSizeLessThan(30)
                .allSatisfy(event -> assertThat(event.getThrowableProxy()).isNull());
        await().atMost(Duration.ofSeconds(30))
                .until(() ->
                        count("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'millrace%'") == 0);
    }

    private static Logger root() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static long count(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
