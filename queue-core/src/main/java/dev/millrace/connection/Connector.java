package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.postgresql.Driver;

/** Opens links with the limits and session options that every session of ours has. Thread-safe. */
final class Connector {

    private static final Driver DRIVER = new Driver();
    private static final AtomicLong IDS = new AtomicLong();

    private final Database database;
    private final Watchdog watchdog;

    Connector(Database database, Watchdog watchdog) {
        this.database = database;
        this.watchdog = watchdog;
    }

    /**
     * Opens a link within {@link Timeouts#CONNECT}. The attempt runs on a daemon thread of its own, since a name look-up can
     * block outside any socket; an attempt that comes back too late finds its link dead and is thrown away.
     */
    Link open(Link.Role role, long epoch) throws SQLException {
        Link link = new Link(Long.toString(IDS.incrementAndGet(), 36), role, epoch, watchdog::forget);
        CompletableFuture<Connection> attempt = new CompletableFuture<>();
        Thread thread = new Thread(() -> connect(link, attempt), "millrace-connect-" + link.id());
        thread.setDaemon(true);
        watchdog.watch(link);
        LinkSocketFactory.register(link);
        try {
            thread.start();
            attempt.get(Timeouts.CONNECT.toMillis(), TimeUnit.MILLISECONDS);
            link.connection();
            return link;
        } catch (ExecutionException failed) {
            link.kill("connecting failed");
            if (failed.getCause() instanceof SQLException sql) {
                throw sql;
            }
            throw new SQLException(
                    "Connecting to " + database + " failed: " + failed.getCause(), "08001", failed.getCause());
        } catch (TimeoutException late) {
            link.kill("connecting took longer than " + Timeouts.CONNECT.toSeconds() + " s");
            throw new SQLException(
                    "No connection to " + database + " within " + Timeouts.CONNECT.toSeconds() + " s", "08001", late);
        } catch (InterruptedException interrupted) {
            link.kill("connecting was interrupted");
            Thread.currentThread().interrupt();
            throw new SQLException("Connecting to " + database + " was interrupted", "08001", interrupted);
        } finally {
            LinkSocketFactory.unregister(link);
        }
    }

    private void connect(Link link, CompletableFuture<Connection> attempt) {
        try {
            Connection connection = DRIVER.connect(database.jdbcUrl(), properties(link));
            link.opened(connection);
            attempt.complete(connection);
        } catch (SQLException | RuntimeException failure) {
            attempt.completeExceptionally(failure);
        }
    }

    private Properties properties(Link link) {
        Properties properties = database.credentials();
        properties.setProperty("socketFactory", LinkSocketFactory.class.getName());
        properties.setProperty("socketFactoryArg", link.id());
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty("connectTimeout", Long.toString(Timeouts.TCP_CONNECT.toSeconds()));
        properties.setProperty("sslResponseTimeout", Long.toString(Timeouts.TCP_CONNECT.toMillis()));
        properties.setProperty("socketTimeout", Long.toString(Timeouts.SOCKET_READ.toSeconds()));
        properties.setProperty("ApplicationName", applicationName(link));
        properties.setProperty("options", sessionOptions());
        return properties;
    }

    private String applicationName(Link link) {
        return "millrace/" + database.instance() + "/" + link.role().name().toLowerCase(Locale.ROOT) + "#"
                + link.epoch();
    }

    /**
     * What the server must know to end what we can no longer end: it must not keep locks for a client that is gone. Plans
     * are made for each execution: a plan cached while a queue was empty would scan a backlog of millions.
     */
    private static String sessionOptions() {
        return String.join(
                " ",
                "-c statement_timeout=" + Timeouts.STATEMENT.toMillis(),
                "-c lock_timeout=" + Timeouts.LOCK.toMillis(),
                "-c idle_in_transaction_session_timeout=" + Timeouts.IDLE_IN_TRANSACTION.toMillis(),
                "-c tcp_user_timeout=10000",
                "-c tcp_keepalives_idle=10",
                "-c tcp_keepalives_interval=5",
                "-c tcp_keepalives_count=3",
                "-c client_connection_check_interval=2000",
                "-c plan_cache_mode=force_custom_plan",
                "-c timezone=UTC");
    }
}
