package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.FaultProxy.Handshake;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestCertificates;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class FaultProxyTest {

    @TempDir
    private static Path directory;

    private static PgServer server;

    private FaultProxy proxy;

    @BeforeAll
    static void start() {
        server = PgServer.builder().tls(TestCertificates.in(directory)).start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @BeforeEach
    void open() {
        proxy = FaultProxy.to(server.port());
    }

    @AfterEach
    void close() {
        proxy.close();
        proxy.close();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().equals("fault-proxy-" + proxy.port()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void pass_bulkBothWays_arrivesWholeAndIsCounted(boolean tls) throws SQLException {
        int size = 5_000_000;
        try (Connection session = connect(tls)) {
            assertThat(proxy.connects()).isEqualTo(1);
            assertThat(proxy.open()).isEqualTo(1);
            assertThat(query(session, "SELECT length('" + "x".repeat(size) + "')"))
                    .isEqualTo("" + size);
            assertThat(query(session, "SELECT repeat('x', " + size + ")")).hasSize(size);
        }
        assertThat(proxy.bytes(Direction.TO_SERVER)).isGreaterThan(size);
        assertThat(proxy.bytes(Direction.TO_CLIENT)).isGreaterThan(size);
        await().until(() -> proxy.open() == 0);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void reset_present_breaksItAndNotTheNext(boolean tls) throws SQLException {
        try (Connection session = connect(tls)) {
            proxy.reset();
            assertThat(proxy.open()).isZero();
            assertThatThrownBy(() -> query(session, "SELECT 1")).isInstanceOf(SQLException.class);
        }
        assertWorks(tls);
    }

    @ParameterizedTest
    @EnumSource(Direction.class)
    void finish_oneWay_endsTheSession(Direction direction) throws SQLException {
        try (Connection session = connect(false)) {
            proxy.finish(direction);
            assertThatThrownBy(() -> query(session, "SELECT 1")).isInstanceOf(SQLException.class);
        }
        assertWorks(false);
    }

    @Test
    void finish_bothWays_isSeenByTheServer() throws SQLException {
        try (Connection session = connect(true)) {
            String pid = query(session, "SELECT pg_backend_pid()");
            proxy.finish();
            assertThatThrownBy(() -> query(session, "SELECT 1")).isInstanceOf(SQLException.class);
            try (Connection other = connect(false)) {
                await().until(() -> query(other, "SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid)
                        .equals("0"));
            }
        }
    }

    @Test
    void refuse_untilHealed_refusesOnTheSamePort() throws SQLException {
        int port = proxy.port();
        try (Connection session = connect(false)) {
            proxy.refuse();
            assertThatThrownBy(() -> query(session, "SELECT 1")).isInstanceOf(SQLException.class);
            assertThatThrownBy(() -> connect(false)).hasRootCauseInstanceOf(ConnectException.class);
        }
        proxy.heal();
        assertThat(proxy.port()).isEqualTo(port);
        assertWorks(false);
    }

    @ParameterizedTest
    @EnumSource(Direction.class)
    void blackHole_oneWay_isSilentAndResetAtHeal(Direction direction) throws SQLException {
        try (Connection session = connect(true)) {
            waitsAtMostFourSeconds(session);
            proxy.blackHole(direction);
            assertThatThrownBy(() -> query(session, "SELECT 1")).hasRootCauseInstanceOf(SocketTimeoutException.class);
            assertThat(proxy.swallowed(direction)).isPositive();
        }
        proxy.heal();
        assertWorks(true);
    }

    @Test
    void blackHole_bothWays_acceptsAndNeverTellsTheServer() throws Exception {
        try (Connection idle = connect(false);
                Connection observer = DriverManager.getConnection(server.url("postgres"))) {
            String pid = query(idle, "SELECT pg_backend_pid()");
            proxy.blackHole();
            try (Socket socket = new Socket("127.0.0.1", proxy.port())) {
                socket.setSoTimeout(100);
                socket.getOutputStream().write(new byte[100]);
                assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketTimeoutException.class);
            }
            await().until(() -> proxy.swallowed(Direction.TO_SERVER) >= 100 && proxy.connects() == 2);
            String alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid;
            assertThat(query(observer, alive)).isEqualTo("1");

            proxy.heal();
            assertThat(proxy.open()).isZero();
            await().until(() -> query(observer, alive).equals("0"));
            assertThatThrownBy(() -> query(idle, "SELECT 1")).isInstanceOf(SQLException.class);
        }
        assertWorks(false);
    }

    @Test
    void stall_toServer_blocksTheWriter() throws Exception {
        proxy.stall(Direction.TO_SERVER);
        AtomicLong written = new AtomicLong();
        try (Socket socket = new Socket("127.0.0.1", proxy.port())) {
            Thread writer = new Thread(() -> write(socket, written), "stalled-writer");
            writer.start();
            AtomicLong before = new AtomicLong(-1);
            await().pollInterval(Duration.ofMillis(200))
                    .until(() -> before.getAndSet(written.get()) == written.get() && written.get() > 0);
            assertThat(writer.isAlive()).isTrue();
            assertThat(written.get()).isBetween(1L, 32_000_000L);
            assertThat(proxy.bytes(Direction.TO_SERVER)).isZero();
            proxy.reset();
            writer.join(10_000);
            assertThat(writer.isAlive()).isFalse();
        }
    }

    @Test
    void stall_toClient_goesOnAtHeal() throws Exception {
        try (Connection session = connect(true)) {
            proxy.stall(Direction.TO_CLIENT);
            long before = proxy.bytes(Direction.TO_SERVER);
            Thread healer = new Thread(
                    () -> {
                        await().until(() -> proxy.bytes(Direction.TO_SERVER) > before);
                        proxy.heal();
                    },
                    "healer");
            healer.start();
            assertThat(query(session, "SELECT 42")).isEqualTo("42");
            healer.join(10_000);
        }
    }

    @Test
    void slow_chunks_takeTheirTimeAndArrive() throws SQLException {
        try (Connection session = connect(true)) {
            proxy.slow(Duration.ofMillis(20), 1_000);
            long start = System.nanoTime();
            assertThat(query(session, "SELECT repeat('x', 10000)")).hasSize(10_000);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(200));
            proxy.heal();
            assertThat(query(session, "SELECT 1")).isEqualTo("1");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void truncate_toClient_letsThatMuchThrough(boolean tls) throws SQLException {
        try (Connection session = connect(tls)) {
            waitsAtMostFourSeconds(session);
            long before = proxy.bytes(Direction.TO_CLIENT);
            proxy.truncate(Direction.TO_CLIENT, 9);
            assertThatThrownBy(() -> query(session, "SELECT 1")).hasRootCauseInstanceOf(SocketTimeoutException.class);
            assertThat(proxy.bytes(Direction.TO_CLIENT)).isEqualTo(before + 9);
        }
        assertWorks(tls);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void inject_toClient_breaksTheSessionAndNothingElse(boolean tls) throws SQLException {
        try (Connection session = connect(tls);
                Connection unharmed = DriverManager.getConnection(server.url("postgres"))) {
            proxy.inject(Direction.TO_CLIENT, new byte[] {'?', 0, 0, 0, 4, 1, 2, 3});
            assertThatThrownBy(() -> query(session, "SELECT 1")).isInstanceOf(SQLException.class);
            proxy.heal();
            assertThat(proxy.open()).isZero();
            assertThat(query(unharmed, "SELECT 1")).isEqualTo("1");
        }
    }

    @Test
    void inject_toServer_endsTheSession() throws SQLException {
        try (Connection session = connect(false)) {
            proxy.inject(Direction.TO_SERVER, new byte[] {(byte) 0xff, 0x7f, 0x7f, 0x7f, 0x7f});
            assertThatThrownBy(() -> query(session, "SELECT 1")).isInstanceOf(SQLException.class);
        }
        assertThat(server.log()).contains("invalid frontend message type 255");
    }

    @ParameterizedTest
    @EnumSource(
            value = Handshake.class,
            names = {"GARBAGE", "ALERT", "FIN"})
    void handshake_broken_failsWithTlsErrorAndKeepsTheServerOut(Handshake handshake) throws SQLException {
        try (Connection present = connect(true)) {
            proxy.atHandshake(handshake);
            assertThatThrownBy(() -> connect(true))
                    .satisfies(e -> assertThat(causes(e)).hasAtLeastOneElementOfType(SSLException.class));
            assertThat(query(present, "SELECT 1")).isEqualTo("1");
        }
        proxy.heal();
        assertWorks(true);
    }

    /** It is the driver's connectTimeout, 10 seconds by default, that holds here: not its socketTimeout. */
    @Test
    void handshake_stalled_runsIntoTheConnectTimeout() throws SQLException {
        proxy.atHandshake(Handshake.STALL);
        String url = proxy.url(server.verifyFullUrl("postgres")) + "&connectTimeout=1";
        assertThatThrownBy(() -> DriverManager.getConnection(url))
                .satisfies(e -> assertThat(causes(e)).hasAtLeastOneElementOfType(SocketTimeoutException.class));
        assertWorksInPlainText();
        proxy.heal();
        assertWorks(true);
    }

    @Test
    void handshake_refused_leavesPlainTextToThoseWhoTakeIt() throws SQLException {
        proxy.atHandshake(Handshake.REFUSE_TLS);
        assertThatThrownBy(() -> connect(true)).hasMessageContaining("does not support SSL");
        try (Connection session = DriverManager.getConnection(proxy.url(server.url("postgres")) + "&sslmode=prefer")) {
            assertThat(query(session, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
                    .isEqualTo("f");
        }
        assertWorksInPlainText();
    }

    @Test
    void target_thatRefuses_resetsTheClient() {
        try (FaultProxy nowhere = FaultProxy.to(proxy.port())) {
            proxy.refuse();
            assertThatThrownBy(() -> DriverManager.getConnection(nowhere.url(server.url("postgres"))))
                    .isInstanceOf(SQLException.class);
            await().until(() -> nowhere.open() == 0);
        }
    }

    @Test
    void fault_afterClose_isRejected() {
        proxy.close();
        assertThatThrownBy(proxy::heal).isInstanceOf(IllegalStateException.class);
    }

    private void assertWorksInPlainText() throws SQLException {
        try (Connection session = connect(false)) {
            assertThat(query(session, "SELECT 1")).isEqualTo("1");
        }
    }

    private void assertWorks(boolean tls) throws SQLException {
        try (Connection session = connect(tls)) {
            assertThat(query(session, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
                    .isEqualTo(tls ? "t" : "f");
        }
    }

    private Connection connect(boolean tls) throws SQLException {
        String url = tls ? server.verifyFullUrl("postgres") : server.url("postgres") + "&sslmode=disable";
        return DriverManager.getConnection(proxy.url(url) + "&socketTimeout=20");
    }

    /** Time enough for what the server says all the same; only from now on, not for the start of the session. */
    private static void waitsAtMostFourSeconds(Connection session) throws SQLException {
        session.setNetworkTimeout(Runnable::run, 4_000);
    }

    private static List<Throwable> causes(Throwable failure) {
        List<Throwable> causes = new ArrayList<>();
        for (Throwable at = failure; at != null; at = at.getCause()) {
            causes.add(at);
        }
        return causes;
    }

    private static void write(Socket socket, AtomicLong written) {
        byte[] chunk = new byte[10_000];
        try {
            OutputStream out = socket.getOutputStream();
            while (true) {
                out.write(chunk);
                written.addAndGet(chunk.length);
            }
        } catch (IOException expected) {
            // closed by the test
        }
    }

    private static String query(Connection session, String sql) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }
}
