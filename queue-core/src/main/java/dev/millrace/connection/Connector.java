package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.postgresql.Driver;

/**
 * Opens links, by URL with the limits and session options that every session of ours has, or from the application's data
 * source. Thread-safe.
 */
final class Connector {

    private static final Driver DRIVER = new Driver();
    /**
     * The driver's host name verifier logs at SEVERE on each attempt: a certificate for another host would fill the log. The
     * outage tells it once. Held here, since the logging framework forgets loggers that nobody holds.
     */
    private static final Logger VERIFIER = Logger.getLogger("org.postgresql.ssl.PGjdbcHostnameVerifier");

    static {
        VERIFIER.setLevel(Level.OFF);
    }

    /** Makes the link that an attempt is for, within the budget of connections. */
    @FunctionalInterface
    interface LinkFactory {
        Link create(Link.Role role, long epoch) throws SQLException;
    }

    /** Whether a statement that asks for it keeps its plan: else each is planned for what it meets. */
    private final boolean plansKept;

    private final Database database;
    private final Timeouts timeouts;
    private final LinkFactory links;
    private volatile boolean pooler;
    private volatile boolean optionsRefused;
    private final HungConnects hung = new HungConnects(System::nanoTime);

    Connector(Database database, boolean plansKept, LinkFactory links) {
        this.plansKept = plansKept;
        this.database = database;
        this.timeouts = database.timeouts();
        this.links = links;
        this.pooler = database.isBehindPooler();
    }

    /** From now on sessions are opened so that a pooler in between does not break them. */
    void behindPooler() {
        pooler = true;
    }

    boolean isBehindPooler() {
        return pooler;
    }

    /** Opens a link within the limit of {@link Timeouts#connect}, or throws. */
    Link open(Link.Role role, long epoch) throws SQLException {
        try {
            return attempt(role, epoch);
        } catch (SQLException failure) {
            if (optionsRefused || !isRefusalOfOptions(failure)) {
                throw failure;
            }
            optionsRefused = true;
            return attempt(role, epoch);
        }
    }

    /** PgBouncer refuses startup parameters that it was not told to ignore. */
    private static boolean isRefusalOfOptions(SQLException failure) {
        String message = failure.getMessage();
        return "08P01".equals(failure.getSQLState())
                && message != null
                && message.contains("unsupported startup parameter");
    }

    /**
     * The attempt runs on a daemon thread of its own, since a name look-up can block outside any socket; one that comes back
     * too late finds its link dead and is thrown away.
     */
    private Link attempt(Link.Role role, long epoch) throws SQLException {
        if (!hung.allowAnother()) {
            throw new SQLException(
                    "Earlier attempts to connect to " + database
                            + " still hang: in the look-up of its name, or in the data source",
                    "08001");
        }
        Link link = links.create(role, epoch);
        CompletableFuture<Connection> attempt = new CompletableFuture<>();
        HungConnects.Attempt hanging = hung.attempt();
        Thread thread = new Thread(
                () -> {
                    connect(link, attempt);
                    hanging.ended();
                },
                "millrace-connect-" + link.id());
        thread.setDaemon(true);
        LinkSocketFactory.register(link);
        try {
            thread.start();
            attempt.get(timeouts.connect().toMillis(), TimeUnit.MILLISECONDS);
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
            hanging.hangs();
            link.kill("connecting took longer than " + timeouts.connect());
            throw new SQLException(
                    "No connection to " + database + " within "
                            + timeouts.connect().toMillis() + " ms",
                    "08001",
                    late);
        } catch (InterruptedException interrupted) {
            hanging.hangs();
            link.kill("connecting was interrupted");
            Thread.currentThread().interrupt();
            throw new SQLException("Connecting to " + database + " was interrupted", "08001", interrupted);
        } catch (RuntimeException | Error noThread) {
            link.kill("connecting could not begin");
            throw noThread;
        } finally {
            LinkSocketFactory.unregister(link);
        }
    }

    private void connect(Link link, CompletableFuture<Connection> attempt) {
        try {
            boolean listening = link.role() == Link.Role.LISTEN;
            DataSource adopted = database.isDirect(listening) ? null : database.adopted();
            Connection connection = adopted == null
                    ? DRIVER.connect(database.jdbcUrl(listening), properties(link, listening))
                    : adopted(adopted, link);
            link.opened(connection);
            attempt.complete(connection);
        } catch (SQLException | RuntimeException | Error failure) {
            attempt.completeExceptionally(failure);
        }
    }

    /** A held connection of the application's pool: ours alone until it goes back as it came. */
    private Connection adopted(DataSource source, Link link) throws SQLException {
        Connection connection = source.getConnection();
        try {
            boolean autoCommit = connection.getAutoCommit();
            int readLimit = connection.getNetworkTimeout();
            link.beforeReturn(held -> {
                held.setNetworkTimeout(Runnable::run, readLimit);
                if (!autoCommit) {
                    held.setAutoCommit(false);
                }
                return true;
            });
            if (!link.isDead()) {
                connection.setNetworkTimeout(
                        Runnable::run, (int) timeouts.socketRead().toMillis());
                connection.setAutoCommit(true);
            }
            return connection;
        } catch (SQLException | RuntimeException failure) {
            connection.close();
            throw failure;
        }
    }

    private Properties properties(Link link, boolean listening) {
        Properties properties = database.credentials(listening);
        properties.setProperty("socketFactory", LinkSocketFactory.class.getName());
        properties.setProperty("socketFactoryArg", link.id());
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty(
                "connectTimeout",
                Long.toString(Math.max(1, timeouts.tcpConnect().toSeconds())));
        properties.setProperty(
                "sslResponseTimeout", Long.toString(timeouts.tcpConnect().toMillis()));
        properties.setProperty(
                "socketTimeout", Long.toString(Math.max(1, timeouts.socketRead().toSeconds())));
        properties.setProperty("ApplicationName", applicationName(link));
        boolean pooled = pooler && !database.isDirect(listening);
        if (pooled || plansKept) {
            // Behind a pooler, whoever prepares a statement on one server connection may execute it on another.
            // Where plans may be kept, only what is prepared keeps one.
            properties.setProperty("prepareThreshold", "0");
        }
        if ((!pooled && !optionsRefused) || database.isDirect(listening)) {
            properties.setProperty("options", sessionOptions());
        }
        return properties;
    }

    private String applicationName(Link link) {
        return "millrace/" + database.instance() + "/" + link.role().name().toLowerCase(Locale.ROOT) + "#"
                + link.epoch();
    }

    /**
     * What the server must know to end what we can no longer end: it must not keep locks for a client that is gone. Plans
     * are made for each execution, since a plan cached while a queue was empty would scan a backlog of millions; but for
     * statements that have only one, and for {@link Plans#BY_INDEX}.
     */
    private String sessionOptions() {
        return String.join(
                " ",
                "-c statement_timeout=" + timeouts.statement().toMillis(),
                "-c lock_timeout=" + timeouts.lock().toMillis(),
                "-c idle_in_transaction_session_timeout="
                        + timeouts.idleInTransaction().toMillis(),
                // Ours are idle by design; a limit meant for people would end the listener again and again.
                "-c idle_session_timeout=0",
                "-c tcp_user_timeout=10000",
                "-c tcp_keepalives_idle=10",
                "-c tcp_keepalives_interval=5",
                "-c tcp_keepalives_count=3",
                "-c client_connection_check_interval=2000",
                "-c plan_cache_mode=" + (plansKept ? "auto" : "force_custom_plan"));
    }
}
