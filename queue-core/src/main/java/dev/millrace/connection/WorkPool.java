package dev.millrace.connection;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * The work lane: a HikariCP pool of links. It opens links only while the supervisor says the database is usable, so an
 * outage costs no connection attempts here. Thread-safe.
 */
final class WorkPool implements WorkLane {

    /** Opens a link for the pool, or throws at once where the database is not usable. */
    @FunctionalInterface
    interface LinkSource {
        Link open() throws SQLException;
    }

    private static final long IDLE_MILLIS = 60_000;
    private static final long MOMENT_NANOS = Duration.ofMillis(500).toNanos();

    private final Map<PgConnection, Link> links = new ConcurrentHashMap<>();
    private final HikariDataSource pool;
    private final int validationSeconds;

    /**
     * A pool without links.
     *
     * @param trusted links that have answered within this time are not validated
     */
    WorkPool(Database database, Duration trusted, LinkSource source) {
        String name = database.instance();
        Timeouts timeouts = database.timeouts();
        validationSeconds = (int) Math.max(1, timeouts.lock().toSeconds());
        HikariConfig config = new HikariConfig();
        config.setPoolName("millrace-pool-" + name);
        config.setDataSource(new LinkDataSource(source, links, timeouts, trusted));
        config.setMaximumPoolSize(database.poolSize());
        config.setMinimumIdle(0);
        config.setInitializationFailTimeout(-1);
        // What a storm has opened, or a smaller pool no longer needs, is given back to the server within a minute.
        config.setIdleTimeout(IDLE_MILLIS);
        config.setConnectionTimeout(timeouts.statement().toMillis());
        config.setValidationTimeout(timeouts.lock().toMillis());
        config.setExceptionOverride(new NeverEvict());
        config.setThreadFactory(runnable -> {
            Thread thread = new Thread(runnable, "millrace-pool-" + name);
            thread.setDaemon(true);
            return thread;
        });
        pool = new HikariDataSource(config);
    }

    @Override
    public Loan borrow(boolean proven) throws SQLException {
        for (int others = pool.getMaximumPoolSize(); ; others--) {
            Connection connection = pool.getConnection();
            try {
                Link link = linkOf(connection);
                if (!proven || others <= 0 || answers(link)) {
                    return new PoolLoan(connection, link);
                }
            } catch (SQLException killedMeanwhile) {
                pool.evictConnection(connection);
                connection.close();
                throw killedMeanwhile;
            }
            // The next one is another, or new and so proven.
            pool.evictConnection(connection);
            connection.close();
        }
    }

    private boolean answers(Link link) throws SQLException {
        return System.nanoTime() - link.aliveNanos() < MOMENT_NANOS
                || link.connection().isValid(validationSeconds);
    }

    private final class PoolLoan implements Loan {

        private final Connection connection;
        private final Link link;

        PoolLoan(Connection connection, Link link) {
            this.connection = connection;
            this.link = link;
        }

        @Override
        public Connection connection() {
            return connection;
        }

        @Override
        public Link link() {
            return link;
        }

        @Override
        public void close() throws SQLException {
            if (link.isDead()) {
                pool.evictConnection(connection);
            }
            connection.close();
        }
    }

    @Override
    public Link linkOf(Connection borrowed) throws SQLException {
        Link link = links.get(borrowed.unwrap(PgConnection.class));
        if (link == null) {
            throw new SQLException("The connection is not one of the pool's, or was killed", "08003");
        }
        return link;
    }

    @Override
    public void forget(Link link) {
        links.values().remove(link);
    }

    @Override
    public void retire() {
        pool.getHikariPoolMXBean().softEvictConnections();
    }

    @Override
    public void resize(int maximum) {
        if (pool.getMaximumPoolSize() != maximum) {
            pool.setMaximumPoolSize(maximum);
        }
    }

    @Override
    public PoolUsage usage() {
        HikariPoolMXBean pooled = pool.getHikariPoolMXBean();
        return new PoolUsage(
                pooled.getActiveConnections(),
                pooled.getIdleConnections(),
                pooled.getThreadsAwaitingConnection(),
                pool.getMaximumPoolSize());
    }

    @Override
    public void close() {
        pool.close();
    }

    /** What HikariCP asks for connections. */
    private record LinkDataSource(LinkSource source, Map<PgConnection, Link> links, Timeouts timeouts, Duration trusted)
            implements DataSource {

        @Override
        public Connection getConnection() throws SQLException {
            Link link = source.open();
            PgConnection connection = (PgConnection) link.connection();
            links.put(connection, link);
            if (link.isDead()) {
                links.remove(connection);
            }
            return (Connection) Proxy.newProxyInstance(
                    WorkPool.class.getClassLoader(),
                    new Class<?>[] {Connection.class},
                    (proxy, method, arguments) -> call(connection, link, method, arguments));
        }

        /**
         * The pool sets a network timeout before and after it validates, and warns of each connection on which that fails: one
         * line for every connection that an outage has ended. A dead one says no more than that it is not valid.
         */
        private @Nullable Object call(
                PgConnection connection, Link link, Method method, @Nullable Object @Nullable [] arguments)
                throws Throwable {
            if (method.getName().equals("isValid")) {
                if (link.isDead()) {
                    return false;
                }
                if (System.nanoTime() - link.aliveNanos() < trusted.toNanos()) {
                    return true;
                }
            }
            if (method.getName().equals("setNetworkTimeout") && connection.isClosed()) {
                return null;
            }
            try {
                return method.invoke(connection, arguments);
            } catch (InvocationTargetException thrown) {
                throw thrown.getTargetException();
            }
        }

        @Override
        public Connection getConnection(String username, String password) throws SQLException {
            throw new SQLFeatureNotSupportedException("Credentials are the database's");
        }

        @Override
        public @Nullable PrintWriter getLogWriter() {
            return null;
        }

        @Override
        public void setLogWriter(PrintWriter out) {
            // Logs go through SLF4J.
        }

        @Override
        public void setLoginTimeout(int seconds) {
            // The connector has its own limit.
        }

        @Override
        public int getLoginTimeout() {
            return (int) timeouts.connect().toSeconds();
        }

        @Override
        public Logger getParentLogger() throws SQLFeatureNotSupportedException {
            throw new SQLFeatureNotSupportedException();
        }

        @Override
        public <T> T unwrap(Class<T> type) throws SQLException {
            throw new SQLException("Wraps nothing");
        }

        @Override
        public boolean isWrapperFor(Class<?> type) {
            return false;
        }
    }
}
