package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import dev.millrace.migrations.SchemaVersion;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns every physical connection of a process to one database: a control link, a listening link and the work pool. It
 * connects, probes, and after a fault connects again, paced; everything that needs the database parks on its state. There is
 * no other place that retries a connection. Safe for use by many threads.
 *
 * <p>A connection attempt needs a token of a bucket (10 at once, 20 a minute) besides the back-off, so a tight loop is
 * impossible whatever goes wrong elsewhere. Each connect starts an epoch; what a link of an older epoch reports changes
 * nothing.
 */
public final class Supervisor implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);

    /** Where the supervisor stands. */
    public enum State {
        NEW,
        CONNECTING,
        VALIDATING,
        UP,
        BACKOFF,
        SUSPENDED,
        CLOSED
    }

    private final Database database;
    private final Watchdog watchdog;
    private final Connector connector;
    private final WorkPool pool;
    private final Outage outage;
    private final TokenBucket attempts = new TokenBucket(10, 20, System::nanoTime);
    private final Backoff backoff = new Backoff(new SplittableRandom());
    private final List<Runnable> onUp = new CopyOnWriteArrayList<>();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final Thread thread;

    private final Standing standing;
    private final ReentrantLock controlLane = new ReentrantLock();
    private long upSinceNanos;

    private Supervisor(Database database) {
        this.database = database;
        this.standing = new Standing(database);
        this.watchdog = new Watchdog(database.instance());
        this.connector = new Connector(database, watchdog);
        this.outage = new Outage(database);
        this.pool = new WorkPool(database.instance(), database.poolSize(), this::openForPool);
        this.thread = new Thread(this::run, "millrace-supervisor-" + database.instance());
        this.thread.setDaemon(true);
    }

    /** Starts to connect in the background and returns at once. */
    public static Supervisor start(Database database) {
        Supervisor supervisor = new Supervisor(database);
        supervisor.thread.start();
        return supervisor;
    }

    /**
     * Connects and waits, for the start of a program: at most for the limit, and not for what time does not mend. Where it
     * throws, nothing is left behind.
     *
     * @throws SchemaException if the schema is missing, older or newer than needed
     * @throws DatabaseUnavailableException if the database is not usable in time, or the wait is interrupted
     */
    public static Supervisor connect(Database database, Duration limit) {
        Supervisor supervisor = start(database);
        try {
            supervisor.awaitFirstUp(limit);
            return supervisor;
        } catch (InterruptedException interrupted) {
            supervisor.close();
            Thread.currentThread().interrupt();
            throw new DatabaseUnavailableException("Connecting to " + database + " was interrupted", interrupted);
        } catch (RuntimeException failure) {
            supervisor.close();
            throw failure;
        }
    }

    public Database database() {
        return database;
    }

    public State state() {
        return standing.state();
    }

    /** Number of connects begun so far: grows by one with each. */
    public long epoch() {
        return standing.epoch();
    }

    /** Adds what runs on the supervisor's thread each time the database has become usable; it must be quick. */
    public void onUp(Runnable action) {
        onUp.add(action);
    }

    /**
     * Waits until the database is usable, however long an outage lasts within the limit.
     *
     * @throws SchemaException if the schema is missing, older or newer than needed when the limit is over
     * @throws DatabaseUnavailableException if the database is not usable when the limit is over, or the supervisor is closed
     */
    public void awaitUp(Duration limit) throws InterruptedException {
        standing.awaitUp(limit, false);
    }

    /**
     * As {@link #awaitUp}, but gives up at once on what time does not mend: a wrong password, a missing database, a schema
     * that is not migrated. For the start of a program.
     */
    public void awaitFirstUp(Duration limit) throws InterruptedException {
        standing.awaitUp(limit, true);
    }

    /**
     * Runs an operation on a connection of the work pool, in auto-commit mode, within the operation limit.
     *
     * @throws DatabaseUnavailableException at once while the database is not usable
     * @throws SQLException what the operation met; the supervisor has already been told
     */
    public <T> T work(SqlFunction<T> operation) throws SQLException {
        return borrowed(operation, true);
    }

    private <T> T borrowed(SqlFunction<T> operation, boolean limited) throws SQLException {
        standing.requireUp();
        Link link = null;
        try (Connection connection = pool.borrow()) {
            link = pool.linkOf(connection);
            if (limited) {
                link.arm(Timeouts.OPERATION);
            }
            try {
                return operation.apply(connection);
            } catch (SQLException failure) {
                report(link, failure);
                throw failure;
            } finally {
                if (link.isDead()) {
                    pool.evict(connection);
                }
            }
        } catch (SQLException failure) {
            report(link, failure);
            throw failure;
        } finally {
            if (link != null) {
                link.disarm();
            }
        }
    }

    /** As {@link #work}, in one transaction that is committed if the operation returns and rolled back if it throws. */
    public <T> T transaction(SqlFunction<T> operation) throws SQLException {
        return work(connection -> inTransaction(connection, operation));
    }

    /** Restarts the operation limit for a borrowed connection whose operation has made progress. */
    public void extend(Connection borrowed) throws SQLException {
        pool.linkOf(borrowed).arm(Timeouts.OPERATION);
    }

    /**
     * Runs an operation that may take its time on a connection of the work pool, in auto-commit mode: no limit of ours applies.
     *
     * @throws DatabaseUnavailableException at once while the database is not usable
     * @throws SQLException what the operation met; the supervisor has already been told
     */
    public <T> T lend(SqlFunction<T> operation) throws SQLException {
        return borrowed(operation, false);
    }

    /**
     * Runs a short operation on the control link, which nothing else uses: it is there even when handlers hold every
     * connection of the pool. One operation at a time.
     */
    public <T> T control(SqlFunction<T> operation) throws SQLException {
        controlLane.lock();
        try {
            Link link = standing.requireUp();
            try {
                return link.call(Timeouts.OPERATION, operation);
            } catch (SQLException failure) {
                report(link, failure);
                throw failure;
            }
        } finally {
            controlLane.unlock();
        }
    }

    /**
     * Listens on the channel that bears the schema's name, on a link of its own, again after each outage. The returned
     * handle ends it.
     */
    public AutoCloseable listen(NotificationHandler handler) {
        Listener listener = new Listener(this, database.schema().value(), handler);
        listeners.add(listener);
        listener.start();
        return () -> {
            listeners.remove(listener);
            listener.close();
        };
    }

    /** Takes note of an error on a link; called for every error, decides alone whether the connection can be kept. */
    void report(@Nullable Link link, Throwable failure) {
        FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
        if (!fault.losesConnection()) {
            return;
        }
        if (link != null) {
            link.kill(Faults.brief(failure));
        }
        standing.suspect(link, fault, failure);
    }

    private Link openForPool() throws SQLException {
        Link control = standing.control();
        if (control == null) {
            throw new SQLException("The database is not usable now (" + standing.state() + ")", "08001");
        }
        return connector.open(Link.Role.WORK, control.epoch());
    }

    /** For the listener, which has its own link but not its own pacing. */
    Link openForListener() throws SQLException, InterruptedException {
        awaitUp(Duration.ofDays(1));
        for (Duration pace = attempts.take(); !pace.isZero(); pace = attempts.take()) {
            TimeUnit.NANOSECONDS.sleep(pace.toNanos());
        }
        return connector.open(Link.Role.LISTEN, epoch());
    }

    private void run() {
        while (!closing.get()) {
            Duration wait;
            try {
                wait = step();
            } catch (RuntimeException bug) {
                LOG.error("The supervisor of {} met an unexpected error and goes on", database, bug);
                wait = backoff.next(FaultClass.CONFIGURATION);
            }
            standing.park(wait);
        }
        // A connect that was under way when close came has ended by now.
        killAll("closed");
    }

    private Duration step() {
        Link current = standing.control();
        return current == null ? connect() : probe(current);
    }

    /** One attempt, if the bucket allows it. */
    private Duration connect() {
        Duration pace = attempts.take();
        if (!pace.isZero()) {
            return pace;
        }
        outage.attempt();
        long current = standing.begin();
        Link link = null;
        try {
            link = connector.open(Link.Role.CONTROL, current);
            standing.validating();
            link.call(Timeouts.PROBE, this::validate);
            up(link);
            return Timeouts.PROBE_INTERVAL;
        } catch (SQLException failure) {
            return failed(link, failure, Faults.classify(failure, Faults.Phase.CONNECT));
        } catch (SchemaException failure) {
            return failed(link, failure, FaultClass.SCHEMA);
        }
    }

    private Void validate(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")) {
            row.next();
            if (row.getBoolean(1)) {
                throw new SQLException("The server at " + database + " is read-only", "25006");
            }
        }
        SchemaVersion.require(connection, database.schema());
        return null;
    }

    private void up(Link link) {
        upSinceNanos = System.nanoTime();
        standing.up(link);
        outage.ended();
        onUp.forEach(Runnable::run);
    }

    private Duration failed(@Nullable Link link, Throwable failure, FaultClass fault) {
        if (link != null) {
            link.kill(Faults.brief(failure));
        }
        killAll("the database is not reachable");
        standing.failed(fault, failure);
        outage.failed(fault, failure);
        return backoff.next(fault);
    }

    /** Asks the control link whether the server still answers and may still be written to. */
    private Duration probe(Link link) {
        FaultClass reported = standing.takeSuspicion();
        if (reported != FaultClass.FAILOVER && !link.isDead() && answers(link)) {
            if (System.nanoTime() - upSinceNanos > Timeouts.PROVEN_UPTIME.toNanos()) {
                backoff.reset();
            }
            return Timeouts.PROBE_INTERVAL;
        }
        return lost(link);
    }

    private boolean answers(Link link) {
        if (!controlLane.tryLock()) {
            // An operation is under way, which the watchdog bounds and whose failure is reported.
            return true;
        }
        try {
            return link.call(Timeouts.PROBE, connection -> {
                try (Statement statement = connection.createStatement();
                        ResultSet row = statement.executeQuery("SHOW transaction_read_only")) {
                    row.next();
                    if (row.getString(1).equals("on")) {
                        throw new SQLException("The server at " + database + " has become read-only", "25006");
                    }
                    return true;
                }
            });
        } catch (SQLException failure) {
            standing.met(Faults.classify(failure, Faults.Phase.USE), failure);
            return false;
        } finally {
            controlLane.unlock();
        }
    }

    /** The epoch is over. The first retry comes soon: most often one backend was ended and the server is well. */
    private Duration lost(Link link) {
        link.kill("lost");
        Standing.Loss loss = standing.lost();
        outage.began(loss.fault(), loss.error(), standing.epoch());
        if (loss.fault() == FaultClass.FAILOVER) {
            killAll("the server is read-only");
        }
        pool.retire();
        return Duration.ofMillis(new SplittableRandom().nextLong(1, 250));
    }

    private void killAll(String reason) {
        for (Link link : watchdog.links()) {
            link.kill(reason);
            pool.forget(link);
        }
    }

    /** Ends all links, with a goodbye where the server answers. Takes at most a few seconds; may be called twice. */
    @Override
    public void close() {
        if (!closing.compareAndSet(false, true)) {
            return;
        }
        standing.close();
        listeners.forEach(Listener::close);
        for (Link link : watchdog.links()) {
            // A link that is busy past its owner's end has nothing left to say.
            if (link.role() != Link.Role.WORK) {
                link.close(Timeouts.CLOSE);
            }
        }
        pool.close();
        killAll("closed");
        watchdog.close();
    }

    /** Runs an operation in one transaction of the connection. */
    public static <T> T inTransaction(Connection connection, SqlFunction<T> operation) throws SQLException {
        connection.setAutoCommit(false);
        try {
            T result = operation.apply(connection);
            connection.commit();
            return result;
        } catch (SQLException | RuntimeException failure) {
            rollback(connection, failure);
            throw failure;
        } finally {
            if (!connection.isClosed()) {
                connection.setAutoCommit(true);
            }
        }
    }

    private static void rollback(Connection connection, Exception failure) {
        try {
            connection.rollback();
        } catch (SQLException lost) {
            failure.addSuppressed(lost);
        }
    }
}
