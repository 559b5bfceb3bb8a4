package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PgBouncer;
import dev.millrace.testing.PgBouncer.PoolMode;
import dev.millrace.testing.PgServer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

@Timeout(120)
class PgBouncerTest {

    private static PgServer server;

    @BeforeAll
    static void start() {
        PgBouncer.assumeInstalled();
        server = PgServer.builder().start();
    }

    @AfterAll
    static void close() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void transactionMode_twoClientsOneServerConnection_shareIt() throws SQLException {
        try (PgBouncer bouncer =
                        bouncer(PoolMode.TRANSACTION).defaultPoolSize(1).start();
                Connection one = connect(bouncer);
                Connection two = connect(bouncer)) {
            assertThat(query(one, "SELECT pg_backend_pid()")).isEqualTo(query(two, "SELECT pg_backend_pid()"));
        }
    }

    @Test
    void sessionMode_twoClientsOneServerConnection_secondWaitsUntilRefused() throws SQLException {
        try (PgBouncer bouncer = bouncer(PoolMode.SESSION)
                        .defaultPoolSize(1)
                        .queryWaitTimeout(Duration.ofSeconds(5))
                        .start();
                Connection one = connect(bouncer)) {
            assertThat(query(one, "SELECT 1")).isEqualTo("1");
            assertThatThrownBy(() -> {
                        try (Connection two = connect(bouncer)) {
                            query(two, "SELECT 1");
                        }
                    })
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("query_wait_timeout");
        }
    }

    @Test
    void maxClientConnections_oneMore_isRefused() throws SQLException {
        try (PgBouncer bouncer =
                        bouncer(PoolMode.TRANSACTION).maxClientConnections(1).start();
                Connection one = connect(bouncer)) {
            assertThat(query(one, "SELECT 1")).isEqualTo("1");
            assertThatThrownBy(() -> connect(bouncer)).hasMessageContaining("max_client_conn");
        }
    }

    @Test
    void startupOptions_ignoredOrNot_areDroppedOrRefuseTheClient() throws SQLException {
        String options = "&options=-c%20work_mem=5MB";
        try (PgBouncer bouncer = bouncer(PoolMode.TRANSACTION).start();
                Connection session = DriverManager.getConnection(bouncer.url("postgres") + options)) {
            assertThat(query(session, "SHOW work_mem")).isEqualTo("4MB");
        }
        try (PgBouncer bouncer = bouncer(PoolMode.TRANSACTION)
                .ignoreStartupParameters("extra_float_digits")
                .start()) {
            assertThatThrownBy(() -> DriverManager.getConnection(bouncer.url("postgres") + options))
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("options");
        }
    }

    @Test
    void pause_client_waitsUntilResumed() throws Exception {
        try (PgBouncer bouncer = bouncer(PoolMode.TRANSACTION).start();
                Connection session = connect(bouncer)) {
            bouncer.pause();
            CompletableFuture<String> answer = CompletableFuture.supplyAsync(() -> {
                try {
                    return query(session, "SELECT 1");
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThatThrownBy(() -> answer.get(300, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            bouncer.resume();
            assertThat(answer.get(30, TimeUnit.SECONDS)).isEqualTo("1");
        }
    }

    @Test
    void killAndRestart_client_isCutOffAndComesBackOnTheSamePort() throws SQLException {
        try (PgBouncer bouncer = bouncer(PoolMode.TRANSACTION).start();
                Connection first = connect(bouncer)) {
            int port = bouncer.port();
            bouncer.kill9();
            assertThatThrownBy(() -> query(first, "SELECT 1"))
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("08006"));
            assertThatThrownBy(() -> connect(bouncer))
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("08001"));

            bouncer.restart();
            assertThat(bouncer.port()).isEqualTo(port);
            try (Connection second = connect(bouncer)) {
                bouncer.restart();
                assertThatThrownBy(() -> query(second, "SELECT 1")).isInstanceOf(SQLException.class);
            }
            try (Connection third = connect(bouncer)) {
                assertThat(query(third, "SELECT 1")).isEqualTo("1");
            }
        }
    }

    @Test
    void serverDown_client_isRefusedUntilItIsBack() throws SQLException {
        try (PgBouncer bouncer = bouncer(PoolMode.TRANSACTION)
                .queryWaitTimeout(Duration.ofSeconds(1))
                .serverLoginRetry(Duration.ofSeconds(1))
                .start()) {
            server.stopFast();
            try {
                assertThatThrownBy(() -> {
                            try (Connection session = connect(bouncer)) {
                                query(session, "SELECT 1");
                            }
                        })
                        .isInstanceOfSatisfying(
                                SQLException.class,
                                e -> assertThat(e.getSQLState()).isEqualTo("08P01"));
            } finally {
                server.start();
            }
            await().ignoreExceptions().until(() -> {
                try (Connection session = connect(bouncer)) {
                    return query(session, "SELECT 1").equals("1");
                }
            });
        }
    }

    @Test
    void listen_transactionMode_deliversNothingAndSessionModeDoes() throws SQLException {
        for (PoolMode mode : PoolMode.values()) {
            try (PgBouncer bouncer = bouncer(mode).start();
                    Connection listener = connect(bouncer);
                    Connection sender = DriverManager.getConnection(server.url("postgres"))) {
                execute(listener, "LISTEN bell");
                execute(sender, "NOTIFY bell");
                PGNotification[] delivered =
                        listener.unwrap(PGConnection.class).getNotifications(mode == PoolMode.SESSION ? 30_000 : 500);
                assertThat(delivered).as(mode.name()).hasSize(mode == PoolMode.SESSION ? 1 : 0);
            }
        }
    }

    @Test
    void otherUser_ofTheServer_isLetIn() throws SQLException {
        try (PgBouncer bouncer = bouncer(PoolMode.TRANSACTION).start();
                Connection admin = DriverManager.getConnection(server.url("postgres"))) {
            execute(admin, "CREATE ROLE guest LOGIN");
            try (Connection guest = DriverManager.getConnection(bouncer.url("postgres"), "guest", "any")) {
                assertThat(query(guest, "SELECT current_user")).isEqualTo("postgres");
            }
        }
    }

    @Test
    void close_twice_freesThePort() {
        PgBouncer bouncer = bouncer(PoolMode.TRANSACTION).start();
        await().until(() -> bouncer.log().contains("listening on"));
        bouncer.close();
        bouncer.close();
        assertThatThrownBy(() -> connect(bouncer)).isInstanceOf(SQLException.class);
        assertThatThrownBy(bouncer::start).isInstanceOf(IllegalStateException.class);
    }

    private static PgBouncer.Builder bouncer(PoolMode mode) {
        return PgBouncer.builder("127.0.0.1", server.port()).poolMode(mode);
    }

    private static Connection connect(PgBouncer bouncer) throws SQLException {
        return DriverManager.getConnection(bouncer.url("postgres"));
    }

    private static void execute(Connection session, String sql) throws SQLException {
        try (Statement statement = session.createStatement()) {
            statement.execute(sql);
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
