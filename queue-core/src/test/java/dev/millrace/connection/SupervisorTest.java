package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.migrations.SchemaException;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

@PostgresTest
class SupervisorTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    private final TestDatabase database;
    private final List<Supervisor> started = new ArrayList<>();

    SupervisorTest(TestDatabase database) {
        this.database = database;
    }

    @AfterEach
    void close() {
        started.forEach(Supervisor::close);
        // The server may end them later, and the next test counts sessions.
        await().atMost(SOON).until(() -> sessions() == 0);
    }

    private Supervisor start(Database target) {
        Supervisor supervisor = Supervisor.start(target);
        started.add(supervisor);
        return supervisor;
    }

    private Database target() {
        return Database.of(database.url());
    }

    private long sessions() {
        return database.queryLong(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace/%'");
    }

    private static int select(Supervisor supervisor, String sql) throws SQLException {
        return supervisor.work(connection -> {
            try (ResultSet row = connection.createStatement().executeQuery(sql)) {
                row.next();
                return row.getInt(1);
            }
        });
    }

    @Test
    void sessions_bearNameRoleEpochAndLimits() throws Exception {
        Supervisor supervisor = start(target().withInstance("unit"));
        supervisor.awaitUp(SOON);
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);

        assertThat(
                        database.query(
                                "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace/unit/%' ORDER BY 1"))
                .extracting(row -> row.get("application_name"))
                .containsExactly("millrace/unit/control#1", "millrace/unit/work#1");
        String settings = supervisor.work(connection -> {
            try (ResultSet row = connection
                    .createStatement()
                    .executeQuery(
                            "SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'), "
                                    + "current_setting('idle_in_transaction_session_timeout'), current_setting('tcp_user_timeout'), "
                                    + "current_setting('client_connection_check_interval'), current_setting('plan_cache_mode'), current_setting('idle_session_timeout'))")) {
                row.next();
                return row.getString(1);
            }
        });
        assertThat(settings).isEqualTo("5s 2s 10s 10000 2s force_custom_plan 0");
    }

    @Test
    void keptPlans_arePreparedForTheirOperationAlone() throws Exception {
        Supervisor supervisor = start(target().withPoolSize(2));
        supervisor.awaitUp(SOON);
        long session = supervisor.work(SupervisorTest::session);
        String fresh = session + " force_custom_plan on on on on";
        String kept = session + " force_generic_plan off off off off";

        assertThat(supervisor.work(SupervisorTest::planning)).isEqualTo(fresh);
        assertThatThrownBy(() -> supervisor.transaction(Plans.BY_INDEX, connection -> {
                    throw new SQLException("rolled back", "22023");
                }))
                .hasMessage("rolled back");
        assertThat(supervisor.work(Plans.BY_INDEX, SupervisorTest::planning)).isEqualTo(kept);
        assertThat(supervisor.transaction(Plans.BY_INDEX, SupervisorTest::planning))
                .isEqualTo(kept);
        assertThat(supervisor.lend(SOON, SupervisorTest::planning)).isEqualTo(fresh);
    }

    private static long session(Connection connection) throws SQLException {
        return connection.unwrap(PGConnection.class).getBackendPID();
    }

    private static String planning(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT concat_ws(' ', pg_backend_pid(), current_setting('plan_cache_mode'), current_setting('enable_seqscan'),"
                                + " current_setting('enable_bitmapscan'), current_setting('enable_sort'), current_setting('jit'))")) {
            row.next();
            return row.getString(1);
        }
    }

    @Test
    void endedControlSession_isReplacedWithANewEpoch_andCountedOnce() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace/%/control#%'");

        assertThatThrownBy(() -> supervisor.control(
                        connection -> connection.createStatement().execute("SELECT 1")))
                // Whichever was first, this or the supervision.
                .isInstanceOfAny(SQLException.class, DatabaseUnavailableException.class);
        await().atMost(SOON).until(() -> supervisor.state() == State.UP && supervisor.epoch() == 2);
        assertThat(supervisor.<Boolean>control(
                        connection -> connection.createStatement().execute("SELECT 1")))
                .isTrue();
    }

    @Test
    void endedWorkSession_costsOneOperation_andNoEpoch() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);

        // While it is lent: one that has rested in the pool for a while is tested before, and replaced at no cost.
        assertThatThrownBy(() -> supervisor.work(connection -> {
                    int pid = connection.unwrap(PGConnection.class).getBackendPID();
                    database.execute("SELECT pg_terminate_backend(?, 5000)", pid);
                    return connection.createStatement().execute("SELECT 1");
                }))
                .isInstanceOf(SQLException.class);
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);
        assertThat(supervisor.epoch()).isEqualTo(1);
    }

    @Test
    void readOnlyServer_isNotUsed_untilItCanBeWrittenToAgain() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        database.execute("ALTER DATABASE \"" + database.name() + "\" SET default_transaction_read_only = on");
        try {
            assertThatThrownBy(() -> supervisor.work(connection -> {
                        connection.createStatement().execute("SET default_transaction_read_only = on");
                        return connection.createStatement().execute("INSERT INTO millrace.job (kind) VALUES ('k')");
                    }))
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("read-only");
            await().atMost(SOON).until(() -> supervisor.state() != State.UP);
            assertThatThrownBy(() -> select(supervisor, "SELECT 1")).isInstanceOf(DatabaseUnavailableException.class);
        } finally {
            try (Connection writable = database.connect();
                    Statement statement = writable.createStatement()) {
                statement.execute("SET default_transaction_read_only = off");
                statement.execute("ALTER DATABASE \"" + database.name() + "\" RESET default_transaction_read_only");
            }
        }
        await().atMost(SOON).until(() -> supervisor.state() == State.UP);
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);
    }

    @Test
    void wrongPasswordOrDatabase_failsFastAtStart() {
        assertThatThrownBy(() -> start(target().withCredentials("nobody_of_that_name", "s3cret"))
                        .awaitFirstUp(SOON))
                .isInstanceOf(DatabaseUnavailableException.class)
                .hasMessageNotContaining("s3cret");
        Supervisor missing = start(Database.of(database.url().replace("/" + database.name(), "/no_such_database")));
        assertThatThrownBy(() -> missing.awaitFirstUp(SOON))
                .isInstanceOf(DatabaseUnavailableException.class)
                .hasMessageContaining("no_such_database");
        assertThat(missing.state()).isEqualTo(State.SUSPENDED);
    }

    @Test
    void missingSchema_saysWhatToDo() {
        Supervisor supervisor = start(target().withSchema(new SchemaName("nothing_here")));
        assertThatThrownBy(() -> supervisor.awaitFirstUp(SOON))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("migrate");
    }

    @Test
    void refusedConnection_isTriedWithinTheBucketOnly() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Supervisor supervisor = start(Database.of("jdbc:postgresql://127.0.0.1:" + port + "/none?user=u"));
        await().atMost(SOON).until(() -> supervisor.epoch() >= 3);
        assertThat(supervisor.epoch()).isLessThanOrEqualTo(10);
        assertThatThrownBy(() -> select(supervisor, "SELECT 1"))
                .isInstanceOf(DatabaseUnavailableException.class)
                .hasMessageContaining("refused");
    }

    @Test
    void silentServer_isGivenUpWithinTheConnectLimit() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Supervisor supervisor = start(Database.of(
                    "jdbc:postgresql://127.0.0.1:" + silent.getLocalPort() + "/none?user=u&sslmode=disable"));
            long began = System.nanoTime();
            await().atMost(SOON).until(() -> supervisor.state() == State.BACKOFF);
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .isLessThan(Timeouts.DEFAULT.connect().plusSeconds(10));
        }
    }

    @Test
    void operationPastItsLimit_isEndedByTheServerAndTheConnectionKept() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        assertThatThrownBy(() -> select(supervisor, "SELECT 1 FROM pg_sleep(20)"))
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("statement timeout");
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);
        assertThat(supervisor.epoch()).isEqualTo(1);
    }

    @Test
    void operationThatTheServerDoesNotEnd_isEndedByTheWatchdog() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        long began = System.nanoTime();
        assertThatThrownBy(() -> supervisor.work(connection -> {
                    connection.createStatement().execute("SET statement_timeout = 0");
                    return connection.createStatement().execute("SELECT pg_sleep(60)");
                }))
                .isInstanceOf(SQLException.class);
        assertThat(Duration.ofNanos(System.nanoTime() - began))
                .isLessThan(Timeouts.DEFAULT.operation().plusSeconds(10));
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);
    }

    @Test
    void exhaustedPool_leavesTheControlLinkFree_andTheBudgetHolds() throws Exception {
        int poolSize = 3;
        Supervisor supervisor = start(target().withPoolSize(poolSize));
        supervisor.awaitUp(SOON);
        CountDownLatch held = new CountDownLatch(poolSize);
        CountDownLatch release = new CountDownLatch(1);
        List<Thread> holders = IntStream.range(0, poolSize)
                .mapToObj(i -> new Thread(() -> {
                    try {
                        supervisor.lend(SOON, connection -> {
                            held.countDown();
                            try {
                                return release.await(30, java.util.concurrent.TimeUnit.SECONDS);
                            } catch (InterruptedException interrupted) {
                                throw new IllegalStateException(interrupted);
                            }
                        });
                    } catch (SQLException failure) {
                        throw new IllegalStateException(failure);
                    }
                }))
                .toList();
        holders.forEach(Thread::start);
        held.await();
        try {
            assertThat(supervisor.<Boolean>control(
                            connection -> connection.createStatement().execute("SELECT 1")))
                    .isTrue();
            assertThat(sessions()).isLessThanOrEqualTo(poolSize + 2);
            assertThatThrownBy(() -> select(supervisor, "SELECT 1")).isInstanceOf(SQLException.class);
            assertThat(supervisor.state()).isEqualTo(State.UP);
        } finally {
            release.countDown();
        }
        for (Thread holder : holders) {
            holder.join();
        }
    }

    @Test
    void listener_receivesAgainAfterItsSessionWasEnded() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        TestSignal<String> seen = new TestSignal<>();
        try (AutoCloseable listening = supervisor.listen(new NotificationHandler() {
            @Override
            public void notified(String payload) {
                seen.accept(payload);
            }

            @Override
            public void missed() {
                seen.accept("missed");
            }
        })) {
            seen.await("missed"::equals, SOON);
            database.execute("SELECT pg_notify('millrace', 'one')");
            seen.await("one"::equals, SOON);
            database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace/%/listen#%'");
            await().atMost(SOON)
                    .until(() -> seen.all().stream().filter("missed"::equals).count() >= 2);
            database.execute("SELECT pg_notify('millrace', 'two')");
            seen.await("two"::equals, SOON);
            assertThat(listening).isNotNull();
        }
    }

    /** Switching auto-commit on again commits: that must not happen to work that ended in an error of any kind. */
    @Test
    void transactionThatThrowsAnError_isRolledBack() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        for (Throwable thrown : List.of(new AssertionError("mine"), new java.io.IOException("undeclared"))) {
            assertThatThrownBy(() -> supervisor.transaction(connection -> {
                        connection.createStatement().execute("INSERT INTO millrace.job (kind) VALUES ('half')");
                        throw SupervisorTest.<RuntimeException>undeclared(thrown);
                    }))
                    .isSameAs(thrown);
        }
        assertThat(select(supervisor, "SELECT count(*)::int FROM millrace.job WHERE kind = 'half'"))
                .isZero();
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T undeclared(Throwable thrown) throws T {
        throw (T) thrown;
    }

    /** The one who gives a connection back must not touch the limit of the one who has it by now. */
    @Test
    void borrowersThatFollowEachOther_allHaveTheirLimit() throws Exception {
        Supervisor supervisor = start(target().withPoolSize(2).withTimeouts(PatientTimeouts.PATIENT));
        supervisor.awaitUp(SOON);
        AtomicInteger unlimited = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        List<Thread> borrowers = IntStream.range(0, 6)
                .mapToObj(i -> new Thread(() -> {
                    for (int n = 0; n < 2_000; n++) {
                        try {
                            supervisor.work(connection -> {
                                connection.createStatement().execute("SELECT 1");
                                long inAnHour =
                                        System.nanoTime() + Duration.ofHours(1).toNanos();
                                return supervisor.linkOf(connection).overdue(inAnHour)
                                        ? 0
                                        : unlimited.incrementAndGet();
                            });
                        } catch (SQLException unexpected) {
                            failed.incrementAndGet();
                        }
                    }
                }))
                .toList();
        borrowers.forEach(Thread::start);
        for (Thread borrower : borrowers) {
            borrower.join();
        }
        assertThat(unlimited).hasValue(0);
        assertThat(failed).hasValue(0);
    }

    @Test
    void sessionIdleInATransaction_isEndedByTheServer_countedAndReplaced() throws Exception {
        Timeouts patient = PatientTimeouts.PATIENT;
        Supervisor supervisor = start(target().withTimeouts(new Timeouts(
                patient.lock(),
                patient.statement(),
                patient.operation(),
                patient.socketRead(),
                Duration.ofMillis(300),
                patient.tcpConnect(),
                patient.connect(),
                patient.probeInterval(),
                patient.probe())));
        supervisor.awaitUp(SOON);
        assertThatThrownBy(() -> supervisor.transaction(connection -> {
                    connection.createStatement().execute("SELECT 1");
                    await().atMost(SOON)
                            .until(() -> database.queryLong(
                                            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                                    + " AND application_name LIKE 'millrace/%/work#%'")
                                    == 0);
                    return connection.createStatement().execute("SELECT 2");
                }))
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("idle-in-transaction");
        assertThat(supervisor.metrics().count(ConnectionMetrics.Counter.IDLE_IN_TRANSACTION_KILLS))
                .isEqualTo(1);
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);
        assertThat(supervisor.epoch()).isEqualTo(1);
    }

    @Test
    void lockThatIsNotGranted_costsTheStatement_andNotTheConnection() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        int pid = select(supervisor, "SELECT pg_backend_pid()");
        try (Connection holder = database.connect();
                Statement statement = holder.createStatement()) {
            holder.setAutoCommit(false);
            statement.execute("LOCK TABLE millrace.queue");
            assertThatThrownBy(() -> select(supervisor, "SELECT count(*)::int FROM millrace.queue"))
                    .hasMessageContaining("lock timeout");
            holder.rollback();
        }
        assertThat(select(supervisor, "SELECT pg_backend_pid()")).isEqualTo(pid);
    }

    /** On a virtual thread an interrupt closes the socket: that costs one connection, and no outage. */
    @Test
    void virtualThreadInterruptedInAStatement_costsOneConnection() throws Exception {
        java.lang.reflect.Method start;
        try {
            start = Thread.class.getMethod("startVirtualThread", Runnable.class);
        } catch (NoSuchMethodException olderThan21) {
            throw new org.opentest4j.TestAbortedException("needs a JDK with virtual threads", olderThan21);
        }
        Supervisor supervisor = start(target().withTimeouts(PatientTimeouts.PATIENT));
        supervisor.awaitUp(SOON);
        TestSignal<String> ended = new TestSignal<>();
        Thread thread = (Thread) start.invoke(null, (Runnable) () -> {
            try {
                select(supervisor, "SELECT 1 FROM pg_sleep(20)");
                ended.accept("returned");
            } catch (SQLException closedByInterrupt) {
                ended.accept("failed");
            }
        });
        await().atMost(SOON)
                .until(() ->
                        database.queryLong("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                        + " AND application_name LIKE 'millrace/%/work#%' AND wait_event = 'PgSleep'")
                                == 1);
        thread.interrupt();
        ended.await("failed"::equals, SOON);
        assertThat(select(supervisor, "SELECT 1")).isEqualTo(1);
        assertThat(supervisor.epoch()).isEqualTo(1);
        assertThat(supervisor.state()).isEqualTo(State.UP);
    }

    @Test
    void floodOfNotifications_isReadToItsEnd() throws Exception {
        Supervisor supervisor = start(target());
        supervisor.awaitUp(SOON);
        AtomicInteger seen = new AtomicInteger();
        try (AutoCloseable listening = supervisor.listen(new NotificationHandler() {
            @Override
            public void notified(String payload) {
                seen.incrementAndGet();
            }

            @Override
            public void missed() {
                // Nothing to catch up with.
            }
        })) {
            assertThat(listening).isNotNull();
            await().atMost(SOON).until(() -> supervisor.state() == State.UP);
            database.execute("SELECT count(pg_notify('millrace', 'flood ' || i)) FROM generate_series(1, 100000) AS i");
            await().atMost(SOON).until(() -> seen.get() == 100_000);
            // The queue is emptied when the next notification comes after the last reader has passed.
            await().atMost(SOON).until(() -> {
                database.execute("SELECT pg_notify('millrace', 'after')");
                return database.queryLong("SELECT (pg_notification_queue_usage() * 1000000)::bigint") < 100;
            });
            assertThat(supervisor.health().listenerSilence()).isLessThan(Duration.ofSeconds(10));
            assertThat(supervisor.health().pool().maximum()).isEqualTo(Database.DEFAULT_POOL_SIZE);
            assertThat(supervisor.health().live()).isTrue();
        }
    }

    @Test
    void close_manyTimesAtOnce_inAnyState_leavesNothing() throws Exception {
        Supervisor supervisor = start(target());
        List<Thread> closers = IntStream.range(0, 128)
                .mapToObj(i -> new Thread(supervisor::close))
                .toList();
        closers.forEach(Thread::start);
        for (Thread closer : closers) {
            closer.join();
        }
        await().atMost(SOON).until(() -> sessions() == 0);
        assertThatThrownBy(() -> supervisor.awaitUp(SOON))
                .isInstanceOf(DatabaseUnavailableException.class)
                .hasMessageContaining("CLOSED");
    }
}
