package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import javax.sql.DataSource;
import org.postgresql.PGConnection;

/**
 * The work lane over a data source that belongs to the application: used, never closed, and every connection goes back as it came.
 * How long a borrow waits is the data source's to say. A connection that hangs is aborted through its own interface, which under
 * TLS can take as long as the network lets it; its thread is freed no later than the network timeout.
 */
final class AdoptedLane implements WorkLane {

    private final DataSource source;
    private final Connector.LinkFactory links;
    private final LongSupplier epoch;
    private final int readLimitMillis;
    private final BooleanSupplier pooler;
    private final int maximum;
    private final Map<Connection, Link> borrowed = new ConcurrentHashMap<>();
    private final AtomicInteger waiting = new AtomicInteger();

    AdoptedLane(
            Database database,
            DataSource source,
            Connector.LinkFactory links,
            LongSupplier epoch,
            BooleanSupplier pooler) {
        this.source = source;
        this.links = links;
        this.epoch = epoch;
        this.readLimitMillis = (int) database.timeouts().socketRead().toMillis();
        this.pooler = pooler;
        this.maximum = database.poolSize();
    }

    @Override
    public Loan borrow() throws SQLException {
        Link link = links.create(Link.Role.WORK, epoch.getAsLong());
        Connection connection = null;
        try {
            waiting.incrementAndGet();
            connection = source.getConnection();
            AdoptedLoan loan = new AdoptedLoan(connection, link);
            link.opened(connection);
            borrowed.put(connection, link);
            return loan;
        } catch (SQLException | RuntimeException failure) {
            link.release();
            if (connection != null) {
                connection.close();
            }
            throw failure;
        } finally {
            waiting.decrementAndGet();
        }
    }

    private final class AdoptedLoan implements Loan {

        private final Connection connection;
        private final Link link;
        private final boolean autoCommit;
        private final int readLimit;

        AdoptedLoan(Connection connection, Link link) throws SQLException {
            this.connection = connection;
            this.link = link;
            this.autoCommit = connection.getAutoCommit();
            this.readLimit = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, readLimitMillis);
            if (!autoCommit) {
                connection.setAutoCommit(true);
            }
            if (pooler.getAsBoolean() && connection.isWrapperFor(PGConnection.class)) {
                connection.unwrap(PGConnection.class).setPrepareThreshold(0);
            }
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
            borrowed.remove(connection);
            if (link.isDead()) {
                // The abort has told the owner's pool; closing it here could hang.
                return;
            }
            link.release();
            try {
                connection.setNetworkTimeout(Runnable::run, readLimit);
                if (!autoCommit) {
                    connection.setAutoCommit(false);
                }
            } finally {
                connection.close();
            }
        }
    }

    @Override
    public Link linkOf(Connection connection) throws SQLException {
        Link link = borrowed.get(connection);
        if (link == null) {
            throw new SQLException("The connection was not borrowed here", "08003");
        }
        return link;
    }

    @Override
    public void forget(Link link) {
        borrowed.values().remove(link);
    }

    @Override
    public void retire() {
        // Idle connections are the owner's: its pool finds out by itself.
    }

    @Override
    public void resize(int size) {
        // The size is the owner's.
    }

    @Override
    public PoolUsage usage() {
        return new PoolUsage(borrowed.size(), 0, waiting.get(), maximum);
    }

    @Override
    public void close() {
        // The data source is not ours to close.
    }
}
