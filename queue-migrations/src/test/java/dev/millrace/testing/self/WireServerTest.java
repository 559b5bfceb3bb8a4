package dev.millrace.testing.self;

import static dev.millrace.testing.WireStep.columns;
import static dev.millrace.testing.WireStep.done;
import static dev.millrace.testing.WireStep.eof;
import static dev.millrace.testing.WireStep.error;
import static dev.millrace.testing.WireStep.fatal;
import static dev.millrace.testing.WireStep.garbage;
import static dev.millrace.testing.WireStep.half;
import static dev.millrace.testing.WireStep.notificationResponse;
import static dev.millrace.testing.WireStep.reset;
import static dev.millrace.testing.WireStep.rows;
import static dev.millrace.testing.WireStep.silence;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.WireServer;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

@Timeout(60)
class WireServerTest {

    @ParameterizedTest
    @ValueSource(strings = {"simple", "extended"})
    void query_withRows_isAnsweredInEitherProtocol(String mode) throws SQLException {
        try (WireServer server = WireServer.script()
                        .onQuery(
                                "SELECT id.*",
                                columns("id", "name", "big", "ok")
                                        .row(1, "one", 10_000_000_000L, true)
                                        .row(2, "zwölf", -1L, false))
                        .onQuery("UPDATE .*", done("UPDATE 7"))
                        .start();
                Connection session = DriverManager.getConnection(server.url() + "&preferQueryMode=" + mode)) {
            try (PreparedStatement statement = session.prepareStatement("SELECT id, name FROM t WHERE id > ?")) {
                // Often enough for a statement prepared by name and results in binary.
                for (int i = 0; i < 8; i++) {
                    statement.setInt(1, i);
                    try (ResultSet row = statement.executeQuery()) {
                        assertThat(row.next()).isTrue();
                        assertThat(row.getInt("id")).isEqualTo(1);
                        assertThat(row.getLong("big")).isEqualTo(10_000_000_000L);
                        assertThat(row.getBoolean("ok")).isTrue();
                        assertThat(row.next()).isTrue();
                        assertThat(row.getString("name")).isEqualTo("zwölf");
                        assertThat(row.next()).isFalse();
                    }
                }
            }
            try (Statement statement = session.createStatement()) {
                assertThat(statement.executeUpdate("UPDATE t SET x = 1")).isEqualTo(7);
            }
            assertThat(session.isValid(5)).isTrue();
            assertThat(server.connects()).isEqualTo(1);
            assertThat(server.queries()).contains("UPDATE t SET x = 1");
        }
    }

    @Test
    void transaction_withFailure_endsInRollback() throws SQLException {
        try (WireServer server = WireServer.script()
                        .onQuery(2, "SELECT 1", error("40001", "could not serialize"))
                        .onQuery("SELECT 1", rows("one", 1))
                        .start();
                Connection session = DriverManager.getConnection(server.url())) {
            assertThat(session.getTransactionIsolation()).isEqualTo(Connection.TRANSACTION_READ_COMMITTED);
            session.setAutoCommit(false);
            assertThat(one(session, "SELECT 1")).isEqualTo(1);
            session.commit();
            assertThatThrownBy(() -> one(session, "SELECT 1"))
                    .satisfies(e -> assertThat(state(e)).isEqualTo("40001"));
            session.rollback();
            assertThat(one(session, "SELECT 1")).isEqualTo(1);
            session.commit();
            assertThat(server.queries())
                    .containsSequence("BEGIN", "SELECT 1", "COMMIT", "BEGIN", "SELECT 1", "ROLLBACK");
        }
    }

    @Test
    void query_thatNoRuleMatches_failsByName() throws SQLException {
        try (WireServer server = WireServer.script().start();
                Connection session = DriverManager.getConnection(server.url())) {
            assertThatThrownBy(() -> one(session, "SELECT unforeseen")).hasMessageContaining("SELECT unforeseen");
            assertThat(session.isValid(5)).isTrue();
        }
    }

    @Test
    void fatal_twice_arrivesInOneSegment() throws Exception {
        try (WireServer server = WireServer.script()
                        .onQuery("SELECT 1", fatal("57P01", "first"), fatal("57P01", "second"))
                        .start();
                Socket socket = new Socket("127.0.0.1", server.port())) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            startUp(socket, in);
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            byte[] query = "SELECT 1\0".getBytes(StandardCharsets.UTF_8);
            out.write('Q');
            out.writeInt(4 + query.length);
            out.write(query);

            assertThat((char) in.read()).isEqualTo('E');
            int length = in.readInt();
            assertThat(in.available()).isGreaterThan(length);
            assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .containsSubsequence("first", "FATAL", "57P01", "second");
        }
    }

    @Test
    void fatal_toDriver_closesTheConnection() throws SQLException {
        try (WireServer server = WireServer.script()
                        .onQuery("SELECT 1", fatal("57P01", "first"), fatal("57P01", "second"))
                        .start();
                Connection session = DriverManager.getConnection(server.url())) {
            assertThatThrownBy(() -> one(session, "SELECT 1"))
                    .satisfies(e -> assertThat(state(e)).isIn("57P01", "08006"));
            assertThat(session.isValid(5)).isFalse();
        }
    }

    @Test
    void notify_idleSessions_reachesThem() throws SQLException {
        try (WireServer server = WireServer.script().start();
                Connection session = DriverManager.getConnection(server.url());
                Statement statement = session.createStatement()) {
            statement.execute("LISTEN jobs");
            assertThat(server.notify("jobs", "payload")).isEqualTo(1);
            PGNotification[] notifications = session.unwrap(PGConnection.class).getNotifications(5_000);
            assertThat(notifications).hasSize(1);
            assertThat(notifications[0].getName()).isEqualTo("jobs");
            assertThat(notifications[0].getParameter()).isEqualTo("payload");
        }
    }

    /** The driver waits for the rest of a message without any timeout; whoever listens has to end the connection. */
    @Test
    void half_notification_holdsTheListenerPastEveryTimeoutUntilTheConnectionEnds() throws Exception {
        try (WireServer server = WireServer.script().start();
                Connection session = DriverManager.getConnection(server.url());
                Statement statement = session.createStatement()) {
            statement.execute("LISTEN jobs");
            waitsAtMostASecond(session);
            assertThat(server.push(half(notificationResponse("jobs", "payload"), 8)))
                    .isEqualTo(1);
            assertThat(server.notify("jobs", "later")).isZero();

            FutureTask<PGNotification[]> reader =
                    new FutureTask<>(() -> session.unwrap(PGConnection.class).getNotifications(100));
            Thread thread = new Thread(reader, "listener");
            thread.start();
            await().atMost(Duration.ofSeconds(10))
                    .during(Duration.ofMillis(1_500))
                    .until(() -> !reader.isDone());
            server.reset();

            assertThatThrownBy(() -> reader.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(SQLException.class);
            thread.join(10_000);
            session.abort(Runnable::run);
        }
    }

    @Test
    void half_notificationBeforeTheAnswer_leavesTheQueryUnanswered() throws SQLException {
        try (WireServer server = WireServer.script()
                        .onQuery(1, "SELECT 1", notificationResponse("jobs", "whole"), rows("one", 1))
                        .onQuery("SELECT 1", half(notificationResponse("jobs", "payload"), 9))
                        .start();
                Connection session = DriverManager.getConnection(server.url())) {
            assertThat(one(session, "SELECT 1")).isEqualTo(1);
            assertThat(session.unwrap(PGConnection.class).getNotifications()).hasSize(1);
            waitsAtMostASecond(session);
            assertThatThrownBy(() -> one(session, "SELECT 1")).hasRootCauseInstanceOf(SocketTimeoutException.class);
        }
    }

    @Test
    void ends_ofEveryKind_breakTheSession() throws SQLException {
        try (WireServer server = WireServer.script()
                .onQuery("SELECT error", error("XX000", "broken"), eof())
                .onQuery("SELECT eof", eof())
                .onQuery("SELECT reset", reset())
                .onQuery("SELECT garbage", garbage((byte) 'x', (byte) 0, (byte) 0), eof())
                .onQuery("SELECT silence", silence())
                .start()) {
            for (String end : new String[] {"error", "eof", "reset", "garbage", "silence"}) {
                try (Connection session = DriverManager.getConnection(server.url())) {
                    waitsAtMostASecond(session);
                    assertThatThrownBy(() -> one(session, "SELECT " + end)).isInstanceOf(SQLException.class);
                    assertThat(session.isValid(1)).as(end).isFalse();
                }
            }
            await().until(() -> server.open() == 0);
        }
    }

    @Test
    void connect_scriptedFatal_refusesThatSessionOnly() throws SQLException {
        try (WireServer server = WireServer.script()
                .onConnect(1, fatal("57P03", "the database system is starting up"))
                .start()) {
            assertThatThrownBy(() -> DriverManager.getConnection(server.url()))
                    .satisfies(e -> assertThat(state(e)).isEqualTo("57P03"));
            try (Connection session = DriverManager.getConnection(server.url())) {
                assertThat(session.isValid(5)).isTrue();
            }
            assertThat(server.connects()).isEqualTo(2);
        }
    }

    @Test
    void close_twice_endsAllThreads() throws SQLException {
        WireServer server = WireServer.script().start();
        String name = "wire-server-" + server.port();
        try (Connection session = DriverManager.getConnection(server.url())) {
            assertThat(session.isValid(5)).isTrue();
            server.close();
            server.close();
            assertThat(session.isValid(1)).isFalse();
        }
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith(name));
    }

    private static void startUp(Socket socket, DataInputStream in) throws Exception {
        byte[] parameters = "user\0wire\0\0".getBytes(StandardCharsets.UTF_8);
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeInt(8 + parameters.length);
        out.writeInt(196608);
        out.write(parameters);
        for (int type = in.read(); type != 'Z'; type = in.read()) {
            in.readFully(new byte[in.readInt() - 4]);
        }
        in.readFully(new byte[5]);
    }

    /** Only from now on: as a property of the URL it would hold for the start of the session too. */
    private static void waitsAtMostASecond(Connection session) throws SQLException {
        session.setNetworkTimeout(Runnable::run, 1_000);
    }

    private static String state(Throwable failure) {
        return ((SQLException) failure).getSQLState();
    }

    private static int one(Connection session, String sql) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getInt(1);
        }
    }
}
