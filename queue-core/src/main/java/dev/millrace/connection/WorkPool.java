package dev.millrace.connection;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
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
final class WorkPool implements AutoCloseable {

    /** Opens a link for the pool, or throws at once where the database is not usable. */
    @FunctionalInterface
    interface LinkSource {
        Link open() throws SQLException;
    }

    private final Map<PgConnection, Link> links = new ConcurrentHashMap<>();
    private final HikariDataSource pool;

    WorkPool(String name, int size, LinkSource source) {
        HikariConfig config = new HikariConfig();
        config.setPoolName("millrace-pool-" + name);
        config.setDataSource(new LinkDataSource(source, links));
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(0);
        config.setInitializationFailTimeout(-1);
        config.setConnectionTimeout(Timeouts.STATEMENT.toMillis());
        config.setValidationTimeout(Timeouts.LOCK.toMillis());
        config.setExceptionOverride(new NeverEvict());
        config.setThreadFactory(runnable -> {
            Thread thread = new Thread(runnable, "millrace-pool-" + name);
            thread.setDaemon(true);
            return thread;
        });
        pool = new HikariDataSource(config);
    }

    Connection borrow() throws SQLException {
        return pool.getConnection();
    }

    /** The link below a borrowed connection. */
    Link linkOf(Connection borrowed) throws SQLException {
        Link link = links.get(borrowed.unwrap(PgConnection.class));
        if (link == null) {
            throw new SQLException("The connection is not one of the pool's", "08003");
        }
        return link;
    }

    /** Takes a borrowed connection out of the pool for good; it must still be closed. */
    void evict(Connection borrowed) {
        pool.evictConnection(borrowed);
    }

    void forget(Link link) {
        links.values().remove(link);
    }

    /** Lets idle connections go now and busy ones when they come back. */
    void retire() {
        pool.getHikariPoolMXBean().softEvictConnections();
    }

    @Override
    public void close() {
        pool.close();
    }

    /** What HikariCP asks for connections. */
    private record LinkDataSource(LinkSource source, Map<PgConnection, Link> links) implements DataSource {

        @Override
        public Connection getConnection() throws SQLException {
            Link link = source.open();
            PgConnection connection = (PgConnection) link.connection();
            links.put(connection, link);
            if (link.isDead()) {
                links.remove(connection);
            }
            return connection;
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
            return (int) Timeouts.CONNECT.toSeconds();
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
