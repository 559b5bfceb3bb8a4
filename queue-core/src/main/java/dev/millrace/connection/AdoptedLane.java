package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
    private final int maximum;
    private final Map<Connection, Link> borrowed = new ConcurrentHashMap<>();
    private final long waitMillis;
    private final Semaphore permits;
    private final AtomicInteger waiting = new AtomicInteger();

    AdoptedLane(Database database, DataSource source, Connector.LinkFactory links, LongSupplier epoch) {
        this.source = source;
        this.links = links;
        this.epoch = epoch;
        this.readLimitMillis = (int) database.timeouts().socketRead().toMillis();
        this.maximum = database.poolSize();
        this.waitMillis = database.timeouts().statement().toMillis();
        this.permits = new Semaphore(maximum);
    }

    @Override
    public Loan borrow(boolean proven) throws SQLException {
        acquirePermit();
        Link link = null;
        Connection connection = null;
        try {
            link = links.create(Link.Role.WORK, epoch.getAsLong());
            connection = source.getConnection();
            AdoptedLoan loan = new AdoptedLoan(connection, link);
            link.opened(connection);
            borrowed.put(connection, link);
            return loan;
        } catch (SQLException | RuntimeException failure) {
            if (link != null) {
                link.release();
            }
            permits.release();
            if (connection != null) {
                connection.close();
            }
            throw failure;
        }
    }

    /** The places of control and listener are not for operations, however many there are at once. */
    private void acquirePermit() throws SQLException {
        waiting.incrementAndGet();
        try {
            if (!permits.tryAcquire(waitMillis, TimeUnit.MILLISECONDS)) {
                throw new SQLTransientConnectionException(
                        "All " + maximum + " connections that may be borrowed at once are in use", "08001");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new SQLTransientConnectionException("Waiting for a connection was interrupted", "08001", interrupted);
        } finally {
            waiting.decrementAndGet();
        }
    }

    private final class AdoptedLoan implements Loan {

        private final Connection connection;
        private final Link link;
        private final boolean autoCommit;
        private final int readLimit;
        private int prepareThreshold = -1;

        AdoptedLoan(Connection connection, Link link) throws SQLException {
            this.connection = connection;
            this.link = link;
            this.autoCommit = connection.getAutoCommit();
            this.readLimit = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, readLimitMillis);
            if (!autoCommit) {
                connection.setAutoCommit(true);
            }
            // What is prepared may be missing behind a pooler, and elsewhere keep a plan that was made on empty tables.
            if (connection.isWrapperFor(PGConnection.class)) {
                PGConnection driver = connection.unwrap(PGConnection.class);
                prepareThreshold = driver.getPrepareThreshold();
                driver.setPrepareThreshold(0);
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
            permits.release();
            if (link.isDead()) {
                // The abort tells the owner's pool; closing it here could hang.
                return;
            }
            link.release();
            try {
                if (prepareThreshold >= 0) {
                    connection.unwrap(PGConnection.class).setPrepareThreshold(prepareThreshold);
                }
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
