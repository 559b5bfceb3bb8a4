package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.FaultProxy.Handshake;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestCertificates;
import dev.millrace.testing.TestCertificates.Server;
import dev.millrace.testing.TestSignal;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Every fault of the failure matrix that needs no privileges, over plain TCP and over TLS verify-full, against a supervisor with a
 * listener and a steady load. Each must be noticed and left within its limit, with the attempts of the bucket, a line or two in the
 * log, and the budget of connections; and everything must work again once the fault is over. Prints the figures as a table, which
 * is also in {@code target/failure-matrix.md}.
 */
class FailureMatrixTest {

    private static final Timeouts TIMEOUTS = Timeouts.FAST;
    private static final String PLAIN = "plain";
    private static final String TLS = "TLS";
    private static final int POOL = 4;
    private static final Duration SOON = Duration.ofSeconds(60);
    /** A machine that runs other things at the same time. */
    private static final Duration NOISE = Duration.ofSeconds(3);

    private static final Duration AT_ONCE = Duration.ofMillis(500);
    private static final Duration SILENCE =
            TIMEOUTS.probeInterval().plus(TIMEOUTS.probe()).plus(AT_ONCE);
    private static final Duration RECOVERY = Duration.ofSeconds(10).plus(TIMEOUTS.connect());
    private static final Duration MENDED = Duration.ofSeconds(60).plus(TIMEOUTS.connect());

    @TempDir
    private static Path folder;

    private static TestCertificates certificates;
    private static PgServer server;

    /**
     * One row.
     *
     * @param detect limit until the loss is known
     * @param recover limit from the end of the fault until the database is usable
     * @param only the kind of link that it says something about; null for both
     */
    private record Fault(
            String name,
            Duration detect,
            Duration recover,
            @Nullable String only,
            Consumer<FailureMatrixTest> inject,
            Consumer<FailureMatrixTest> heal) {

        @Override
        public String toString() {
            return name;
        }
    }

    private static Fault network(String name, Duration detect, Consumer<FaultProxy> inject) {
        return new Fault(name, detect, RECOVERY, null, test -> inject.accept(test.proxy), test -> test.proxy.heal());
    }

    /** The server refuses sessions that are not there yet, so all that are there end first. */
    private static Fault refusal(
            String name,
            Duration recover,
            String only,
            Consumer<FailureMatrixTest> inject,
            Consumer<FailureMatrixTest> heal) {
        return new Fault(
                name,
                AT_ONCE,
                recover,
                only,
                test -> {
                    inject.accept(test);
                    test.injected = System.nanoTime();
                    test.proxy.reset();
                },
                heal);
    }

    private static Fault handshake(Handshake how) {
        return refusal(
                "TLS handshake: " + how.toString().toLowerCase(Locale.ROOT),
                how == Handshake.STALL || how == Handshake.FIN ? RECOVERY : MENDED,
                TLS,
                test -> test.proxy.atHandshake(how),
                test -> test.proxy.heal());
    }

    private static final List<Fault> FAULTS = List.of(
            network("RST to all, once", AT_ONCE, FaultProxy::reset),
            network("FIN from the server, once", AT_ONCE, proxy -> proxy.finish(Direction.TO_CLIENT)),
            network("FIN from the client, once", AT_ONCE, proxy -> proxy.finish(Direction.TO_SERVER)),
            network("port refused", AT_ONCE, FaultProxy::refuse),
            network("black hole both ways", SILENCE, FaultProxy::blackHole),
            network("black hole to the server", SILENCE, proxy -> proxy.blackHole(Direction.TO_SERVER)),
            network("black hole to the client", SILENCE, proxy -> proxy.blackHole(Direction.TO_CLIENT)),
            network("write stall", SILENCE, proxy -> proxy.stall(Direction.TO_SERVER)),
            network("read stall", SILENCE, proxy -> proxy.stall(Direction.TO_CLIENT)),
            network("half a message, then silence, once", SILENCE, proxy -> proxy.truncate(Direction.TO_CLIENT, 7)),
            network(
                    "garbage from the server, once",
                    SILENCE,
                    proxy -> proxy.inject(Direction.TO_CLIENT, new byte[] {'?', 0, 0, 0, 5, 1})),
            handshake(Handshake.REFUSE_TLS),
            handshake(Handshake.STALL),
            handshake(Handshake.GARBAGE),
            handshake(Handshake.ALERT),
            handshake(Handshake.FIN),
            refusal(
                    "certificate of another host",
                    MENDED,
                    TLS,
                    test -> server.useCertificate(Server.OTHER_HOST),
                    test -> server.useCertificate(Server.VALID)),
            refusal(
                    "certificate expired",
                    MENDED,
                    TLS,
                    test -> server.useCertificate(Server.EXPIRED),
                    test -> server.useCertificate(Server.VALID)),
            refusal(
                    "certificate of another authority",
                    MENDED,
                    TLS,
                    test -> server.useCertificate(Server.OTHER_AUTHORITY),
                    test -> server.useCertificate(Server.VALID)),
            refusal(
                    "role may not log in",
                    MENDED,
                    PLAIN,
                    test -> admin("ALTER ROLE app NOLOGIN"),
                    test -> admin("ALTER ROLE app LOGIN")),
            refusal(
                    "no connections left for the role (53300)",
                    Duration.ofSeconds(30).plus(TIMEOUTS.connect()),
                    PLAIN,
                    test -> admin("ALTER ROLE app CONNECTION LIMIT 0"),
                    test -> admin("ALTER ROLE app CONNECTION LIMIT -1")),
            refusal(
                    "became read-only (25006)",
                    RECOVERY,
                    PLAIN,
                    test -> admin("ALTER ROLE app SET default_transaction_read_only = on"),
                    test -> admin("ALTER ROLE app RESET default_transaction_read_only")),
            new Fault("all sessions terminated, once", AT_ONCE, RECOVERY, null, test -> terminate(), test -> {}),
            new Fault("fast stop", AT_ONCE, RECOVERY, null, test -> server.stopFast(), test -> server.start()),
            new Fault(
                    "immediate stop", AT_ONCE, RECOVERY, null, test -> server.stopImmediate(), test -> server.start()),
            new Fault(
                    "postmaster killed",
                    AT_ONCE,
                    RECOVERY,
                    null,
                    test -> server.killPostmaster(),
                    test -> server.start()),
            new Fault("server frozen", SILENCE, RECOVERY, null, test -> server.pause(), test -> server.resume()));

    private static final List<String> ROWS = new ArrayList<>();

    private final FaultProxy proxy = FaultProxy.to(server.port());
    private final LogLines log = new LogLines();
    private long injected;

    @BeforeAll
    static void startServer() throws IOException {
        certificates = TestCertificates.in(folder);
        server = PgServer.builder().tls(certificates).start();
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(server.url("postgres"));
        Migrator.of(source, SchemaName.DEFAULT).migrate();
        admin("CREATE ROLE app LOGIN");
        admin("GRANT USAGE ON SCHEMA millrace TO app");
        admin("GRANT ALL ON ALL TABLES IN SCHEMA millrace TO app");
    }

    @AfterAll
    static void stopServer() throws IOException {
        server.close();
        List<String> table = new ArrayList<>();
        table.add("| fault | link | noticed (ms) | usable again (ms) | attempts | lines ≥ WARN | CPU (% of a core) |");
        table.add("|---|---|---|---|---|---|---|");
        table.addAll(ROWS);
        table.forEach(System.out::println);
        Files.createDirectories(Path.of("target"));
        Files.write(Path.of("target", "failure-matrix.md"), table);
    }

    static Stream<Fault> plainFaults() {
        return FAULTS.stream().filter(fault -> !TLS.equals(fault.only()));
    }

    static Stream<Fault> tlsFaults() {
        return FAULTS.stream().filter(fault -> !PLAIN.equals(fault.only()));
    }

    @ParameterizedTest
    @MethodSource("plainFaults")
    void plain(Fault fault) throws Exception {
        run(fault, PLAIN, "&sslmode=disable");
    }

    @ParameterizedTest
    @MethodSource("tlsFaults")
    void tlsVerifyFull(Fault fault) throws Exception {
        run(fault, TLS, certificates.verifyFull());
    }

    /** A network that is only slow is not an outage. */
    @Test
    void slowNetwork_isNotTakenForAnOutage() throws Exception {
        Timeouts limits = Timeouts.DEFAULT;
        Timeouts probing = new Timeouts(
                limits.lock(),
                limits.statement(),
                limits.operation(),
                limits.socketRead(),
                limits.idleInTransaction(),
                limits.tcpConnect(),
                limits.connect(),
                Duration.ofSeconds(1),
                limits.probe());
        String url = "jdbc:postgresql://127.0.0.1:" + proxy.port() + "/postgres?user=app&sslmode=disable";
        try (Supervisor supervisor =
                        Supervisor.start(Database.of(url).withTimeouts(probing).withInstance("matrix"));
                AutoCloseable listening = supervisor.listen(notified(new TestSignal<>()))) {
            assertThat(listening).isNotNull();
            await().atMost(SOON).until(() -> supervisor.state() == State.UP);
            supervisor.work(connection -> Load.echo(connection, "open"));
            proxy.slow(Duration.ofMillis(150), 64);
            for (int i = 0; i < 10; i++) {
                supervisor.work(connection -> Load.echo(connection, "slow but sure"));
                supervisor.control(connection -> Load.echo(connection, "slow but sure"));
            }
            assertThat(supervisor.state()).isEqualTo(State.UP);
            assertThat(outages(supervisor)).isZero();
        }
        proxy.close();
    }

    /** Whatever the network does just then, close comes back in time and leaves nothing. */
    @ParameterizedTest
    @MethodSource("networkFaults")
    void closeInTheMiddle(Fault fault) throws Exception {
        for (String parameters : List.of("&sslmode=disable", certificates.verifyFull())) {
            String url = "jdbc:postgresql://127.0.0.1:" + proxy.port() + "/postgres?user=app" + parameters;
            Database database =
                    Database.of(url).withTimeouts(TIMEOUTS).withPoolSize(POOL).withInstance("matrix");
            Supervisor supervisor = Supervisor.start(database);
            try (AutoCloseable listening = supervisor.listen(notified(new TestSignal<>()));
                    Load load = new Load(supervisor)) {
                assertThat(listening).isNotNull();
                await().atMost(SOON).until(() -> supervisor.state() == State.UP && load.done.get() > 3);
                fault.inject().accept(this);
                long began = System.nanoTime();
                supervisor.close();
                assertThat(Duration.ofNanos(System.nanoTime() - began))
                        .isLessThan(Duration.ofSeconds(2).plus(NOISE));
                supervisor.close();
            } finally {
                fault.heal().accept(this);
            }
            assertNothingLeft();
        }
        proxy.close();
    }

    static Stream<Fault> networkFaults() {
        return FAULTS.stream().filter(fault -> fault.only() == null);
    }

    private void run(Fault fault, String link, String parameters) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + proxy.port() + "/postgres?user=app" + parameters;
        Database database =
                Database.of(url).withTimeouts(TIMEOUTS).withPoolSize(POOL).withInstance("matrix");
        TestSignal<String> notified = new TestSignal<>();
        TestSignal<Long> lost = new TestSignal<>();
        Supervisor supervisor = Supervisor.start(database, event -> {
            if (event instanceof ConnectionEvent.LinkLost) {
                lost.accept(System.nanoTime());
            }
        });
        try (AutoCloseable listening = supervisor.listen(notified(notified));
                Load load = new Load(supervisor)) {
            await().atMost(SOON).until(() -> supervisor.state() == State.UP && load.done.get() > 3);
            assertThat(listening).isNotNull();
            log.start();
            long outagesBefore = outages(supervisor);
            int connectsBefore = proxy.connects();
            long cpuBefore = cpuNanos();

            injected = System.nanoTime();
            fault.inject().accept(this);
            long noticed = lost.await(fault.detect().plus(NOISE)) - injected;
            // An outage goes on for a while where it would not be over at once.
            long held = fault.name().endsWith("once") ? 0 : hold(supervisor);
            double cpu = 100.0 * (cpuNanos() - cpuBefore) / (System.nanoTime() - injected);
            int attempts = proxy.connects() - connectsBefore;
            long healed = System.nanoTime();
            fault.heal().accept(this);
            await().pollInterval(Duration.ofMillis(10))
                    .atMost(fault.recover().plus(NOISE))
                    .until(supervisor::isUsable);
            long usable = System.nanoTime() - (fault.name().endsWith("once") ? injected : healed);

            int before = load.done.get();
            await().atMost(SOON).until(() -> load.done.get() > before + 3);
            await().atMost(SOON).until(() -> supervisor.state() == State.UP);
            admin("SELECT pg_notify('millrace', 'after " + fault.name() + "')");
            notified.await(("after " + fault.name())::equals, SOON);
            int lines = log.stop();

            String figures = String.format(
                    Locale.ROOT,
                    "| %s | %s | %d | %d | %d | %d | %.1f |",
                    fault.name(),
                    link,
                    millis(noticed),
                    millis(usable),
                    attempts,
                    lines,
                    cpu);
            ROWS.add(figures);
            System.out.println(figures + " " + supervisor.metrics());
            assertThat(Duration.ofNanos(noticed)).isLessThan(fault.detect().plus(NOISE));
            // One for each outage, and a noisy machine makes more than one; and it makes statements run into their
            // limit.
            assertThat(lines - log.count("failed (TIMED_OUT)"))
                    .as(log.toString())
                    .isLessThanOrEqualTo(1 + outages(supervisor) - outagesBefore);
            // The bucket's burst, the listener's included, and the growth of the pool before the fault was known.
            assertThat(attempts).isLessThanOrEqualTo(15 + POOL);
            assertThat(supervisor.connections()).isLessThanOrEqualTo(POOL + 2);
            assertThat(held).isNotNegative();
        } finally {
            long began = System.nanoTime();
            supervisor.close();
            proxy.close();
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .isLessThan(Duration.ofSeconds(4).plus(NOISE));
        }
        assertNothingLeft();
    }

    private static void assertNothingLeft() {
        await().atMost(SOON)
                .until(() ->
                        count("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'millrace/matrix/%'")
                                == 0);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                        .extracting(Thread::getName)
                        .noneMatch(name -> name.startsWith("millrace-") && name.contains("matrix")));
    }

    /** Until two attempts have failed, which is when the pace shows. */
    private static long hold(Supervisor supervisor) {
        long before = supervisor.epoch();
        await().atMost(SOON).until(() -> supervisor.epoch() >= before + 2 || supervisor.state() == State.SUSPENDED);
        return supervisor.epoch() - before;
    }

    private static NotificationHandler notified(TestSignal<String> signal) {
        return new NotificationHandler() {
            @Override
            public void notified(String payload) {
                signal.accept(payload);
            }

            @Override
            public void missed() {
                signal.accept("missed");
            }
        };
    }

    /** What a busy worker does: small and large statements, on the pool and on the control link. */
    private static final class Load implements AutoCloseable {

        private static final String LARGE = "x".repeat(2 << 20);

        private final AtomicInteger done = new AtomicInteger();
        private final List<SupervisedLoop> loops = new ArrayList<>();

        Load(Supervisor supervisor) {
            for (String text : List.of("small", "small too", LARGE)) {
                loops.add(new SupervisedLoop("load-matrix", supervisor, () -> {
                    supervisor.work(connection -> echo(connection, text));
                    done.incrementAndGet();
                    return Duration.ofMillis(50);
                }));
            }
            loops.add(new SupervisedLoop("load-control-matrix", supervisor, () -> {
                supervisor.control(connection -> echo(connection, "control"));
                return Duration.ofMillis(100);
            }));
            loops.forEach(SupervisedLoop::start);
        }

        private static int echo(Connection connection, String text) throws SQLException {
            try (var statement = connection.prepareStatement("SELECT length(?)")) {
                statement.setString(1, text);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    return row.getInt(1);
                }
            }
        }

        @Override
        public void close() {
            loops.forEach(SupervisedLoop::stop);
            loops.forEach(SupervisedLoop::close);
        }
    }

    private static long outages(Supervisor supervisor) {
        return supervisor.metrics().count(ConnectionMetrics.Counter.OUTAGES);
    }

    private static void terminate() {
        admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'millrace/matrix/%'");
    }

    private static void admin(String sql) {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static long count(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                ResultSet row = connection.createStatement().executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static long millis(long nanos) {
        return Duration.ofNanos(nanos).toMillis();
    }
}
