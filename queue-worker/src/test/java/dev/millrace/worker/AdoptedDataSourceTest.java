package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.Database;
import dev.millrace.connection.State;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The application's own data source is used, never closed, and its connections come back as they went. */
@PostgresTest
class AdoptedDataSourceTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(30);

    private final TestDatabase database;
    private final HikariDataSource source;

    AdoptedDataSourceTest(TestDatabase database) {
        this.database = database;
        database.execute("TRUNCATE millrace.job");
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        config.setMaximumPoolSize(8);
        config.setMinimumIdle(0);
        // What an application may well have chosen, and must find again.
        config.setAutoCommit(false);
        this.source = new HikariDataSource(config);
    }

    @AfterEach
    void close() {
        source.close();
    }

    @Test
    void jobsRun_andTheDataSourceIsLeftAsItWas() throws Exception {
        TestSignal<Integer> ran = new TestSignal<>();
        try (Worker worker = worker(source, ran, new TestSignal<>());
                Millrace millrace = Millrace.connect(Database.adopt(source))) {
            worker.start();
            for (int i = 0; i < 50; i++) {
                millrace.enqueue(NUMBER, new Number(i));
            }
            ran.await(n -> n == 49, SOON);
            // A proof of notifications that came late is repeated after a minute.
            await().atMost(Duration.ofMinutes(2)).until(() -> worker.health().state() == State.UP);
            worker.awaitEmpty();
        }
        assertThat(database.queryLong("SELECT count(*) FROM millrace.job WHERE state = 'completed'"))
                .isEqualTo(50);
        assertThat(source.isClosed()).isFalse();
        await().atMost(SOON).until(() -> source.getHikariPoolMXBean().getActiveConnections() == 0);
        try (Connection connection = source.getConnection();
                Statement statement = connection.createStatement()) {
            assertThat(connection.getAutoCommit()).isFalse();
            assertThat(connection.getNetworkTimeout()).isZero();
            statement.execute("SELECT 1");
            connection.rollback();
        }
        assertThat(database.queryLong("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        + " AND state LIKE 'idle in transaction%'"))
                .isZero();
    }

    @Test
    void endedSessions_areReplacedByTheApplicationsPool_andNothingIsLost() throws Exception {
        TestSignal<Integer> ran = new TestSignal<>();
        try (Worker worker = worker(source, ran, new TestSignal<>());
                Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            worker.start();
            millrace.enqueue(NUMBER, new Number(1));
            ran.await(n -> n == 1, SOON);
            database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            + " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name NOT LIKE 'millrace/%'");
            for (int i = 2; i < 20; i++) {
                int n = i;
                await().atMost(SOON).ignoreExceptions().until(() -> millrace.enqueue(NUMBER, new Number(n)) > 0);
            }
            ran.await(n -> n == 19, SOON);
            worker.awaitEmpty();
        }
        assertThat(database.queryLong("SELECT count(*) FROM millrace.job WHERE state <> 'completed'"))
                .isZero();
    }

    /** More at once than the data source has: they wait for one another, and control and listener keep their places. */
    @Test
    void moreEnqueuesAtOnceThanConnections_waitForOneAnother() throws Exception {
        // Who waits does so for as long as a statement may take: here for longer than a machine stalls.
        Timeouts patient = new Timeouts(
                Timeouts.DEFAULT.lock(),
                SOON.minusSeconds(2),
                SOON.minusSeconds(1),
                SOON,
                Timeouts.DEFAULT.idleInTransaction(),
                Timeouts.DEFAULT.tcpConnect(),
                Timeouts.DEFAULT.connect(),
                Timeouts.DEFAULT.probeInterval(),
                Timeouts.DEFAULT.probe());
        try (Millrace millrace =
                Millrace.connect(Database.adopt(source).withPoolSize(3).withTimeouts(patient))) {
            List<CompletableFuture<Long>> enqueued = IntStream.range(0, 40)
                    .mapToObj(i -> CompletableFuture.supplyAsync(
                            () -> millrace.enqueue(NUMBER, new Number(i)), command -> new Thread(command).start()))
                    .toList();
            for (CompletableFuture<Long> each : enqueued) {
                assertThat(each.get(SOON.toSeconds(), TimeUnit.SECONDS)).isPositive();
            }
            assertThat(millrace.health().state()).isEqualTo(State.UP);
            assertThat(millrace.health().epoch()).isEqualTo(1);
        }
        assertThat(database.queryLong("SELECT count(*) FROM millrace.job")).isEqualTo(40);
    }

    /** A wrapper that hides the driver: no notifications, and the worker says so and polls. */
    @Test
    void connectionsThatDoNotUnwrap_arePolledOver() throws Exception {
        TestSignal<Integer> ran = new TestSignal<>();
        TestSignal<ConnectionEvent> events = new TestSignal<>();
        DataSource hiding = (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {DataSource.class},
                (proxy, method, arguments) -> hide(database.dataSource().getConnection()));
        try (Worker worker = worker(hiding, ran, events);
                Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            worker.start();
            ConnectionEvent degraded = events.await(event -> event instanceof ConnectionEvent.Degraded, SOON);
            assertThat(degraded.toString()).contains("do not unwrap");
            assertThat(worker.health().state()).isEqualTo(State.DEGRADED);
            assertThat(worker.health().ready()).isTrue();
            millrace.enqueue(NUMBER, new Number(7));
            ran.await(n -> n == 7, SOON);
            worker.awaitEmpty();
        }
    }

    private static Connection hide(Connection real) {
        return (Connection) Proxy.newProxyInstance(
                AdoptedDataSourceTest.class.getClassLoader(),
                new Class<?>[] {Connection.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("isWrapperFor")) {
                        return false;
                    }
                    if (method.getName().equals("equals")) {
                        return proxy == arguments[0];
                    }
                    if (method.getName().equals("hashCode")) {
                        return System.identityHashCode(proxy);
                    }
                    try {
                        return method.invoke(real, arguments);
                    } catch (java.lang.reflect.InvocationTargetException failure) {
                        throw failure.getCause() instanceof SQLException sql ? sql : failure;
                    }
                });
    }

    private static Worker worker(DataSource source, TestSignal<Integer> ran, TestSignal<ConnectionEvent> events) {
        return Worker.builder(Database.adopt(source))
                .handle(NUMBER, (job, number) -> ran.accept(number.n()))
                .queue("default", 4)
                .onEvent(events)
                .build();
    }
}
