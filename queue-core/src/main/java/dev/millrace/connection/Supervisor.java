package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns every physical connection of a process to one database: a control link, a listening link and the work lane. It
 * connects, probes, and after a fault connects again, paced; everything that needs the database parks on its state. There is
 * no other place that retries a connection. Safe for use by many threads.
 *
 * <p>A connection attempt needs a token of a bucket (10 at once, 20 a minute) besides the back-off, so a tight loop is
 * impossible whatever goes wrong elsewhere. Each connect starts an epoch; what a link of an older epoch reports changes
 * nothing. Never more than the pool's size and two connections are in use.
 */
public final class Supervisor implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);

    /** A supervision that has not looked for so long is taken for dead; a connect and its validation take less. */
    private static final Duration SILENT = Duration.ofSeconds(10);

    /**
     * A link that answered so lately is not asked whether it is alive before it is used. A worker's loops expect faults, and an idle
     * one would spend half of its statements on it; a producer's operation would fail, or a handler's.
     */
    private static final Duration TRUSTED = Duration.ofSeconds(5);

    private static final int EVENTS_BOUND = 256;

    private final Database database;
    private final boolean plansKept;
    private final Timeouts timeouts;
    private final ConnectionMetrics metrics = new ConnectionMetrics();
    private final @Nullable Events<ConnectionEvent> events;
    private final Watchdog watchdog;
    private final Connector connector;
    private final Links links;
    private final BudgetWatch budget;
    private final ServerCheck server;
    private final Growth growth;
    private final WorkLane lane;
    private final Machine machine;
    private final List<Runnable> onUp = new CopyOnWriteArrayList<>();
    private final AtomicReference<@Nullable Listener> listener = new AtomicReference<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final Thread thread;

    private final Standing standing;
    private final ReentrantLock controlLane = new ReentrantLock();
    private final Backoff listenerBackoff = new Backoff(new SplittableRandom());
    /** When the next step is due. */
    private volatile long dueNanos = System.nanoTime();

    private boolean degraded;

    private Supervisor(Database database, @Nullable Consumer<ConnectionEvent> receiver, boolean plansKept) {
        this.database = database;
        this.plansKept = plansKept && database.adopted() == null;
        this.timeouts = database.timeouts();
        this.events = receiver == null
                ? null
                : new Events<>("events-" + database.instance(), EVENTS_BOUND, receiver, metrics);
        this.standing = new Standing(database, metrics, System::nanoTime);
        this.watchdog = new Watchdog(database.instance(), metrics);
        this.links = new Links(database, watchdog, metrics, this::ended);
        this.budget = new BudgetWatch(database, database.poolSize() + Links.BESIDES_POOL, this::tell);
        this.connector = new Connector(database, this.plansKept, links::create);
        this.server = new ServerCheck(database, connector);
        this.growth = new Growth(database.poolSize(), new SplittableRandom(), System::nanoTime);
        DataSource adopted = database.adopted();
        this.lane = adopted == null
                ? new WorkPool(database, this.plansKept ? Duration.ZERO : TRUSTED, this::openForPool)
                : new AdoptedLane(database, adopted, links::create, this::epoch);
        this.machine = new Machine(
                database, new Connections(), standing, metrics, this::tell, System::nanoTime, new SplittableRandom());
        this.thread = new Thread(this::run, "millrace-supervisor-" + database.instance());
        this.thread.setDaemon(true);
    }

    /** As {@link #start(Database, Consumer)}, without a receiver of events. */
    public static Supervisor start(Database database) {
        return start(database, null);
    }

    /** Starts to connect in the background and returns at once. */
    public static Supervisor start(Database database, @Nullable Consumer<ConnectionEvent> receiver) {
        return start(database, receiver, false);
    }

    private static Supervisor start(
            Database database, @Nullable Consumer<ConnectionEvent> receiver, boolean plansKept) {
        Supervisor supervisor = new Supervisor(database, receiver, plansKept);
        supervisor.thread.start();
        return supervisor;
    }

    /**
     * As {@link #connect}, for a program that inserts one row at a time, where planning would cost as much as the insert: in its
     * sessions a statement that asks for it keeps its plan. All others are planned for what they meet, as everywhere.
     */
    public static Supervisor connectProducer(
            Database database, @Nullable Consumer<ConnectionEvent> receiver, Duration limit) {
        return awaited(start(database, receiver, true), limit);
    }

    /**
     * Connects and waits, for the start of a program: at most for the limit, and not for what time does not mend. Where it
     * throws, nothing is left behind.
     *
     * @throws SchemaException if the schema is missing, older or newer than needed
     * @throws DatabaseUnavailableException if the database is not usable in time, or the wait is interrupted
     */
    public static Supervisor connect(Database database, @Nullable Consumer<ConnectionEvent> receiver, Duration limit) {
        return awaited(start(database, receiver), limit);
    }

    private static Supervisor awaited(Supervisor supervisor, Duration limit) {
        try {
            supervisor.awaitFirstUp(limit);
            return supervisor;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            DatabaseUnavailableException failure = DatabaseUnavailableException.during(
                    supervisor, "Connecting to " + supervisor.database + " was interrupted", interrupted, false);
            supervisor.close();
            throw failure;
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

    /** Whether operations can be tried now: the database is up, with or without notifications. */
    public boolean isUsable() {
        return standing.isUsable();
    }

    /** Whether sessions are the server's own, with no pooler in between that would mix them up. */
    public boolean isDirect() {
        return !connector.isBehindPooler();
    }

    /** Whether a statement that is prepared on one of our sessions keeps its plan. */
    public boolean keepsPlans() {
        return plansKept && isDirect();
    }

    /** For those who watch the process; cheap, and does not touch the database. */
    public Health health() {
        long now = System.nanoTime();
        boolean live = state() == State.CLOSED
                || (thread.isAlive()
                        && now - watchdog.tickedNanos() < SILENT.toNanos()
                        && now - dueNanos
                                < SILENT.plus(timeouts.connect())
                                        .plus(timeouts.probe())
                                        .toNanos());
        Listener listening = listener.get();
        return standing.health(live, budget.budget(), lane.usage(), listening == null ? null : listening.silence());
    }

    public ConnectionMetrics metrics() {
        return metrics;
    }

    /** Connections open or being opened now, all together: never more than the pool's size and two. */
    public int connections() {
        return links.open();
    }

    /** Tells the receiver of events, if there is one; for the parts that are built on the supervisor. */
    public void tell(ConnectionEvent event) {
        if (events != null) {
            events.tell(event);
        }
    }

    /** Closing has begun: not ready for anything new, while what is under way goes on. */
    public void drain() {
        standing.drain();
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
        return work(Plans.FRESH, operation);
    }

    /**
     * As {@link #work(SqlFunction)}.
     *
     * @param plans how its statements are planned; no setting is changed behind a pooler, nor on an application's own connections
     */
    public <T> T work(Plans plans, SqlFunction<T> operation) throws SQLException {
        return borrowed(plans, operation, null);
    }

    private <T> T borrowed(Plans plans, SqlFunction<T> operation, @Nullable Duration lentFor) throws SQLException {
        standing.requireUp();
        long asked = System.nanoTime();
        Link link = null;
        try (WorkLane.Loan loan = lane.borrow(lentFor != null)) {
            metrics.measure(ConnectionMetrics.Timer.POOL_WAIT, System.nanoTime() - asked);
            link = loan.link();
            if (lentFor == null) {
                link.arm(timeouts.operation());
            } else {
                link.lend(lentFor);
            }
            try {
                if (database.adopted() == null) {
                    link.plan(loan.connection(), isDirect() ? plans : Plans.FRESH);
                }
                return operation.apply(loan.connection());
            } catch (SQLException failure) {
                report(link, failure);
                throw failure;
            } finally {
                // Before the connection is back: after that the limit is the next borrower's.
                link.returned();
            }
        } catch (SQLException failure) {
            if (link == null) {
                if (failure instanceof SQLTransientConnectionException && standing.isUsable()) {
                    tell(new ConnectionEvent.PoolSaturated(lane.usage().maximum()));
                }
                report(null, failure);
            }
            throw failure;
        }
    }

    /** As {@link #work}, in one transaction that is committed if the operation returns and rolled back if it throws. */
    public <T> T transaction(SqlFunction<T> operation) throws SQLException {
        return transaction(Plans.FRESH, operation);
    }

    /** As {@link #work(Plans, SqlFunction)}, in one transaction. */
    public <T> T transaction(Plans plans, SqlFunction<T> operation) throws SQLException {
        return work(plans, connection -> inTransaction(connection, operation));
    }

    /**
     * As {@link #work}, but waits for the database and tries again after each lost connection until the limit is over. For what may
     * be repeated.
     */
    public <T> T workWithin(Duration limit, SqlFunction<T> operation) throws SQLException, InterruptedException {
        return within(limit, () -> work(operation));
    }

    /** As {@link #workWithin}, on the control link. */
    public <T> T controlWithin(Duration limit, SqlFunction<T> operation) throws SQLException, InterruptedException {
        return within(limit, () -> control(operation));
    }

    @FunctionalInterface
    private interface Attempt<T> {
        T run() throws SQLException;
    }

    private <T> T within(Duration limit, Attempt<T> attempt) throws SQLException, InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (true) {
            awaitUp(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
            try {
                return attempt.run();
            } catch (SQLException failure) {
                boolean again = Faults.classify(failure, Faults.Phase.USE).losesConnection()
                        || failure instanceof SQLTransientConnectionException;
                if (!again || System.nanoTime() - deadline >= 0) {
                    throw failure;
                }
            } catch (DatabaseUnavailableException lostMeanwhile) {
                LOG.debug("Waiting for {} again", database, lostMeanwhile);
            }
            // For the supervisor to look; each failure has ended one dead connection.
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    /** Restarts the operation limit for a borrowed connection whose operation has made progress. */
    public void extend(Connection borrowed) throws SQLException {
        linkOf(borrowed).arm(timeouts.operation());
    }

    /** The link below a connection that {@link #work} or {@link #lend} has handed out. */
    Link linkOf(Connection borrowed) throws SQLException {
        return lane.linkOf(borrowed);
    }

    /**
     * Runs an operation that may take its time on a connection of the work lane, in auto-commit mode. Past the limit the
     * connection is killed and counted as leaked.
     *
     * @throws DatabaseUnavailableException at once while the database is not usable
     * @throws SQLException what the operation met; the supervisor has already been told
     */
    public <T> T lend(Duration limit, SqlFunction<T> operation) throws SQLException {
        return borrowed(Plans.FRESH, operation, limit);
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
                return link.call(timeouts.operation(), operation);
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
     *
     * @throws IllegalStateException if somebody listens already: the budget has one connection for it
     */
    public AutoCloseable listen(NotificationHandler handler) {
        Listener created = new Listener(this, database.schema().value(), handler);
        if (!listener.compareAndSet(null, created)) {
            throw new IllegalStateException("This supervisor has a listener already");
        }
        standing.listener(true);
        created.start();
        return () -> {
            if (listener.compareAndSet(created, null)) {
                created.close();
                standing.listener(false);
            }
        };
    }

    /** Takes note of an error on a link; called for every error, decides alone whether the connection can be kept. */
    void report(@Nullable Link link, Throwable failure) {
        FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
        if (!fault.losesConnection()) {
            return;
        }
        SQLException sql = Faults.sqlException(failure);
        if (sql != null && ("25P03".equals(sql.getSQLState()) || "25P04".equals(sql.getSQLState()))) {
            metrics.add(ConnectionMetrics.Counter.IDLE_IN_TRANSACTION_KILLS);
        }
        if (link != null) {
            link.kill(Faults.brief(failure));
        }
        standing.suspect(link, fault, failure);
    }

    /** Notifications arrive; for the listener's thread alone. */
    void listens() {
        listenerBackoff.reset();
        standing.notified(true);
        if (degraded) {
            degraded = false;
            LOG.info("Notifications of {} arrive again", database);
            tell(new ConnectionEvent.Restored());
        }
    }

    /** Notifications do not arrive, though the database may be up; for the listener's thread alone. */
    void listensNot(String reason) {
        standing.notified(false);
        if (!degraded && standing.isUsable()) {
            degraded = true;
            LOG.info("Notifications of {} do not arrive, workers poll: {}", database, reason);
            tell(new ConnectionEvent.Degraded(reason));
        }
    }

    private void ended(Link link) {
        lane.forget(link);
    }

    private Link open(Link.Role role, long epoch) throws SQLException {
        long began = System.nanoTime();
        try {
            Link link = connector.open(role, epoch);
            metrics.measure(ConnectionMetrics.Timer.CONNECT, System.nanoTime() - began);
            return link;
        } catch (SQLException failure) {
            metrics.connectFailed(Faults.classify(failure, Faults.Phase.CONNECT));
            throw failure;
        }
    }

    private Link openForPool() throws SQLException {
        Link control = standing.control();
        if (control == null) {
            throw new SQLException("The database is not usable now (" + standing.state() + ")", "08001");
        }
        Duration wait = growth.take();
        if (!wait.isZero()) {
            throw new SQLException("The pool grows again in " + wait.toMillis() + " ms", "53300");
        }
        try {
            Link link = open(Link.Role.WORK, control.epoch());
            if (epoch() != control.epoch() || !isUsable()) {
                metrics.add(ConnectionMetrics.Counter.STALE_EPOCH_EVENTS);
                link.kill("its epoch is over");
                throw new SQLException("The connection came too late: its epoch is over", "08001");
            }
            growth.opened();
            return link;
        } catch (SQLException failure) {
            FaultClass fault = Faults.classify(failure, Faults.Phase.CONNECT);
            boolean full = "53300".equals(failure.getSQLState());
            growth.failed(fault, full);
            if (full) {
                budget.full(failure, growth.target());
            }
            throw failure;
        }
    }

    /** For the listener, which has its own link but not its own pacing. */
    Link openForListener() throws SQLException, InterruptedException {
        awaitUp(Duration.ofDays(1));
        for (Duration pace = machine.attempts().take();
                !pace.isZero();
                pace = machine.attempts().take()) {
            TimeUnit.NANOSECONDS.sleep(pace.toNanos());
        }
        return open(Link.Role.LISTEN, epoch());
    }

    /**
     * Notifications do not arrive any more; the listener's only wait after a failure. A new epoch ends it: what refused the
     * listener may have been mended by then.
     */
    void listenerLost(Throwable failure, Faults.Phase phase) throws InterruptedException {
        long met = standing.epoch();
        standing.notified(false);
        standing.awaitLater(met, listenerBackoff.next(Faults.classify(failure, phase)));
    }

    private void run() {
        while (!closing.get()) {
            Duration wait;
            try {
                wait = machine.step();
                lane.resize(growth.target());
                checkBudget();
            } catch (RuntimeException | Error bug) {
                LOG.error("The supervisor of {} met an unexpected error and goes on", database, bug);
                wait = machine.unexpected();
            }
            dueNanos = System.nanoTime() + wait.toNanos();
            standing.park(wait);
        }
        // A connect that was under way when close came has ended by now.
        links.killAll("closed");
    }

    private void checkBudget() {
        Link control = standing.control();
        if (control == null || !budget.isDue() || !controlLane.tryLock()) {
            return;
        }
        try {
            control.call(timeouts.probe(), budget::read);
        } catch (SQLException failure) {
            LOG.debug("The connection budget of {} could not be read", database, failure);
            report(control, failure);
        } finally {
            controlLane.unlock();
        }
    }

    /** What the machine's decisions act on. */
    private final class Connections implements Machine.World {

        @Override
        public Link open(long epoch) throws SQLException {
            return Supervisor.this.open(Link.Role.CONTROL, epoch);
        }

        @Override
        public void validate(Link link) throws SQLException {
            link.call(timeouts.probe(), server::validate);
        }

        @Override
        public void probe(Link link) throws SQLException {
            if (!controlLane.tryLock()) {
                // An operation is under way, which the watchdog bounds and whose failure is reported.
                return;
            }
            try {
                link.call(timeouts.probe(), server::requireWritable);
            } finally {
                controlLane.unlock();
            }
        }

        @Override
        public void usable(Link link) {
            growth.opened();
            onUp.forEach(Runnable::run);
        }

        @Override
        public void dropAll(String reason) {
            links.killAll(reason);
        }

        @Override
        public void retire() {
            lane.retire();
        }
    }

    /** Ends all links, with a goodbye where the server answers. Takes at most a few seconds; may be called twice. */
    @Override
    public void close() {
        if (!closing.compareAndSet(false, true)) {
            return;
        }
        links.close();
        standing.close();
        Listener listening = listener.getAndSet(null);
        if (listening != null) {
            listening.close();
        }
        List<Thread> goodbyes = new ArrayList<>();
        for (Link link : links.all()) {
            // A link that is busy past its owner's end has nothing left to say.
            if (link.role() == Link.Role.CONTROL) {
                goodbyes.add(link.startClose(Timeouts.CLOSE));
            }
        }
        Thread poolClose = new Thread(lane::close, "millrace-close-pool-" + database.instance());
        poolClose.setDaemon(true);
        poolClose.start();
        goodbyes.add(poolClose);
        joinAll(goodbyes, System.nanoTime() + Timeouts.CLOSE.toNanos());
        links.killAll("closed");
        watchdog.close();
        if (events != null) {
            events.close();
        }
    }

    private static void joinAll(List<Thread> threads, long deadlineNanos) {
        try {
            for (Thread each : threads) {
                each.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime())));
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Runs an operation in one transaction of a borrowed connection: committed if it returns, rolled back whatever it throws. A
     * connection that can't be rolled back is killed, since switching auto-commit on again would commit.
     */
    public <T> T inTransaction(Connection borrowed, SqlFunction<T> operation) throws SQLException {
        borrowed.setAutoCommit(false);
        T result;
        try {
            result = operation.apply(borrowed);
            borrowed.commit();
        } catch (Throwable failure) {
            rollback(borrowed, failure);
            throw failure;
        }
        borrowed.setAutoCommit(true);
        return result;
    }

    private void rollback(Connection borrowed, Throwable failure) {
        try {
            if (!borrowed.isClosed()) {
                borrowed.rollback();
                borrowed.setAutoCommit(true);
            }
        } catch (SQLException notRolledBack) {
            failure.addSuppressed(notRolledBack);
            lane.kill(borrowed, "its transaction could not be rolled back");
        }
    }
}
