package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PgServer;
import java.net.Socket;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class PgServerTest {

    private static final PgServer SERVER = PgServer.builder()
            .config("fsync", "on")
            .config("max_connections", "20")
            .start();

    @AfterAll
    static void close() {
        SERVER.close();
        SERVER.close();
        assertThatThrownBy(PgServerTest::connect).isInstanceOf(SQLException.class);
        assertThatThrownBy(SERVER::start).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void config_givenToBuilder_isInForce() throws SQLException {
        assertThat(query("SHOW fsync")).isEqualTo("on");
        assertThat(query("SHOW max_connections")).isEqualTo("20");
    }

    @Test
    void reload_newSetting_isInForceOnReturnAndAfterRestart() throws SQLException {
        SERVER.reload("work_mem", "5MB", "statement_timeout", "77s");
        assertThat(query("SHOW work_mem")).isEqualTo("5MB");

        SERVER.restart();
        assertThat(query("SHOW statement_timeout")).isEqualTo("77s");
    }

    @Test
    void stopAndStart_everyMode_keepsDataAndPort() throws SQLException {
        query("SELECT 1");
        try (Connection session = connect()) {
            run(session, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
        }
        int port = SERVER.port();

        SERVER.stopSmart();
        assertThatThrownBy(PgServerTest::connect).isInstanceOf(SQLException.class);
        SERVER.start();
        SERVER.stopFast();
        SERVER.start();
        SERVER.stopImmediate();
        SERVER.start();
        SERVER.killPostmaster();
        assertThatThrownBy(PgServerTest::connect).isInstanceOf(SQLException.class);
        SERVER.start();

        assertThat(SERVER.port()).isEqualTo(port);
        assertThat(query("SELECT count(*) FROM kept")).isEqualTo("1");
    }

    @Test
    void killPostmaster_withOpenSessionAndPaused_endsAllAndStartsAgain() throws SQLException {
        try (Connection session = connect()) {
            SERVER.pause();
            SERVER.killPostmaster();
            assertThatThrownBy(() -> run(session, "SELECT 1")).isInstanceOf(SQLException.class);
        }
        SERVER.start();
        assertThat(query("SELECT 1")).isEqualTo("1");
    }

    @Test
    void killBackend_one_breaksAllSessionsAndServerRecovers() throws SQLException {
        try (Connection victim = connect();
                Connection bystander = connect()) {
            SERVER.killBackend(pid(victim));

            assertThatThrownBy(() -> run(victim, "SELECT 1")).isInstanceOf(SQLException.class);
            assertThatThrownBy(() -> run(bystander, "SELECT pg_sleep(30)")).isInstanceOf(SQLException.class);
        }
        // With fsync, what it recovers it also writes to the disk.
        await().atMost(Duration.ofSeconds(60))
                .ignoreExceptions()
                .until(() -> query("SELECT 1").equals("1"));
    }

    @Test
    void pause_server_acceptsButDoesNotAnswerUntilResumed() throws Exception {
        SERVER.pause();
        try (Socket socket = new Socket("127.0.0.1", SERVER.port())) {
            assertThat(socket.isConnected()).isTrue();
            assertThatThrownBy(() -> DriverManager.getConnection(SERVER.url("postgres") + "&socketTimeout=1"))
                    .isInstanceOf(SQLException.class);
        } finally {
            SERVER.resume();
        }
        assertThat(query("SELECT 1")).isEqualTo("1");
    }

    @Test
    void pauseBackend_one_leavesOthersWorking() throws Exception {
        try (Connection frozen = connect()) {
            SERVER.pauseBackend(pid(frozen));
            assertThat(query("SELECT 1")).isEqualTo("1");
            frozen.setNetworkTimeout(Runnable::run, 1_000);
            assertThatThrownBy(() -> run(frozen, "SELECT 1")).isInstanceOf(SQLException.class);
        } finally {
            SERVER.resume();
        }
    }

    private static Connection connect() throws SQLException {
        return DriverManager.getConnection(SERVER.url("postgres"));
    }

    private static int pid(Connection session) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery("SELECT pg_backend_pid()")) {
            row.next();
            return row.getInt(1);
        }
    }

    private static void run(Connection session, String sql) throws SQLException {
        try (Statement statement = session.createStatement()) {
            statement.execute(sql);
        }
    }

    private static String query(String sql) throws SQLException {
        try (Connection session = connect();
                Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }
}
