package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the server has room for is looked at when the database becomes usable, and never exceeded. */
@PostgresTest
class BudgetTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    private final TestDatabase database;
    private final String role;

    BudgetTest(TestDatabase database) {
        this.database = database;
        this.role = "role_of_" + database.name();
    }

    @BeforeEach
    void createRole() {
        database.execute("CREATE ROLE \"" + role + "\" LOGIN PASSWORD 'secret'");
        database.execute("GRANT USAGE ON SCHEMA millrace TO \"" + role + "\"");
        database.execute("GRANT SELECT ON ALL TABLES IN SCHEMA millrace TO \"" + role + "\"");
    }

    @AfterEach
    void dropRole() {
        database.execute("DROP OWNED BY \"" + role + "\"");
        database.execute("DROP ROLE \"" + role + "\"");
    }

    @Test
    void warning_namesTheLimitAndTheNumber() {
        assertThat(new Budget(12, 1, 5, 97, "max_connections in postgresql.conf", 0).warning())
                .isNull();
        assertThat(new Budget(12, 8, 5, 97, "max_connections in postgresql.conf", 0).warning())
                .isEqualTo(
                        "Up to 101 connections are wanted (8 processes of up to 12, and 5 others now), of 97 there are: "
                                + "raise max_connections in postgresql.conf by at least 30, or lower the pool size to 7");
        assertThat(new Budget(12, 1, 0, 3, "ALTER ROLE \"app\" CONNECTION LIMIT", 0).warning())
                .isEqualTo(
                        "Up to 12 connections are wanted (1 processes of up to 12, and 0 others now), of 3 there are: "
                                + "raise ALTER ROLE \"app\" CONNECTION LIMIT by at least 12");
    }

    @Test
    void warning_namesTheCauseOfAFullNotificationQueue() {
        assertThat(new Budget(12, 1, 5, 97, "max_connections in postgresql.conf", 0.6).warning())
                .contains("60 % full");
    }

    @Test
    void roleWithTooSmallALimit_isWarnedOfAtStart() throws Exception {
        database.execute("ALTER ROLE \"" + role + "\" CONNECTION LIMIT 6");
        TestSignal<ConnectionEvent> events = new TestSignal<>();
        try (Supervisor supervisor = Supervisor.start(
                Database.of(database.url()).withCredentials(role, "secret").withPoolSize(10), events)) {
            supervisor.awaitUp(SOON);
            ConnectionEvent told = events.await(event -> event instanceof ConnectionEvent.BudgetExceeded, SOON);
            assertThat(told.toString()).contains("ALTER ROLE \"" + role + "\" CONNECTION LIMIT", "of 6 there are");
            Budget budget = supervisor.health().budget();
            assertThat(budget).isNotNull();
            assertThat(budget.available()).isEqualTo(6);
            assertThat(budget.needed()).isEqualTo(12);
        }
    }

    @Test
    void databaseWithTooSmallALimit_isWarnedOfAtStart() throws Exception {
        database.execute("ALTER DATABASE \"" + database.name() + "\" CONNECTION LIMIT 7");
        TestSignal<ConnectionEvent> events = new TestSignal<>();
        try (Supervisor supervisor =
                Supervisor.start(Database.of(database.url()).withCredentials(role, "secret"), events)) {
            supervisor.awaitUp(SOON);
            ConnectionEvent told = events.await(event -> event instanceof ConnectionEvent.BudgetExceeded, SOON);
            assertThat(told.toString())
                    .contains("ALTER DATABASE \"" + database.name() + "\" CONNECTION LIMIT", "of 7 there are");
        } finally {
            database.execute("ALTER DATABASE \"" + database.name() + "\" CONNECTION LIMIT -1");
        }
    }

    /** The slots that are left are reserved for superusers: who is not one makes do, and a superuser still gets in. */
    @Test
    void serverWithOnlyReservedSlotsLeft_isSharedByAll() throws Exception {
        try (PgServer server = PgServer.builder()
                .config("max_connections", "10")
                .config("superuser_reserved_connections", "3")
                .start()) {
            Database own = Database.of(server.url("postgres"));
            Migrator.of(own.unpooled(), SchemaName.DEFAULT).migrate();
            try (Connection admin = own.unpooled().getConnection();
                    Statement statement = admin.createStatement()) {
                statement.execute("CREATE ROLE app LOGIN");
                statement.execute("GRANT USAGE ON SCHEMA millrace TO app");
                statement.execute("GRANT SELECT ON ALL TABLES IN SCHEMA millrace TO app");
                storm(own.withCredentials("app", null));
                statement.execute("SELECT 1");
            }
        }
    }

    /** A storm of borrowers against a server that has too few connections: some wait, none is lost, control goes on. */
    @Test
    void serverWithoutConnectionsLeft_shrinksThePool_andWorkGoesOn() throws Exception {
        int limit = 4;
        database.execute("ALTER ROLE \"" + role + "\" CONNECTION LIMIT " + limit);
        storm(Database.of(database.url()).withCredentials(role, "secret"));
    }

    private static void storm(Database target) throws Exception {
        LogLines log = new LogLines();
        log.start();
        try (Supervisor supervisor = Supervisor.start(target.withPoolSize(20))) {
            supervisor.awaitUp(SOON);
            AtomicInteger done = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            CountDownLatch end = new CountDownLatch(1);
            List<Thread> storm = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                storm.add(new Thread(() -> {
                    while (end.getCount() > 0) {
                        try {
                            supervisor.work(
                                    connection -> connection.createStatement().execute("SELECT pg_sleep(0.02)"));
                            done.incrementAndGet();
                        } catch (SQLException waitedTooLong) {
                            // That is what a full server means for some.
                        }
                        most.accumulateAndGet(supervisor.connections(), Math::max);
                    }
                }));
            }
            storm.forEach(Thread::start);
            try {
                await().atMost(SOON).until(() -> done.get() > 500);
                assertThat(supervisor.<Boolean>control(
                                connection -> connection.createStatement().execute("SELECT 1")))
                        .isTrue();
                assertThat(supervisor.state()).isEqualTo(State.UP);
                assertThat(supervisor.epoch()).isEqualTo(1);
                assertThat(most.get()).isLessThanOrEqualTo(22);
                // Two for the pool's first refusals and one after a wait at the most: not one for each borrower.
                assertThat(supervisor.metrics().count(ConnectionMetrics.Counter.CONNECT_FAILURES))
                        .isLessThan(12);
            } finally {
                end.countDown();
                for (Thread each : storm) {
                    each.join(TimeUnit.SECONDS.toMillis(30));
                }
            }
        } finally {
            log.stop();
        }
        assertThat(log.toString().lines()).as(log.toString()).hasSizeLessThanOrEqualTo(2);
    }
}
