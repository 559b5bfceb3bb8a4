package dev.millrace.connection;

import static dev.millrace.testing.WireStep.columns;
import static dev.millrace.testing.WireStep.eof;
import static dev.millrace.testing.WireStep.error;
import static dev.millrace.testing.WireStep.fatal;
import static dev.millrace.testing.WireStep.garbage;
import static dev.millrace.testing.WireStep.half;
import static dev.millrace.testing.WireStep.notificationResponse;
import static dev.millrace.testing.WireStep.rows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.migrations.SchemaVersion;
import dev.millrace.testing.TestSignal;
import dev.millrace.testing.WireScript;
import dev.millrace.testing.WireServer;
import dev.millrace.testing.WireStep;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What no real server does on demand: each ends one link once, costs one outage at most, and is over with the next connect. */
class WireFaultTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String POISON = "SELECT poison";

    /** The watchdog's comes well before the driver's; a slow machine runs into none, which would be a second outage. */
    private static final Timeouts LIMITS = new Timeouts(
            Duration.ofSeconds(2),
            Duration.ofSeconds(5),
            Duration.ofSeconds(6),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5),
            Duration.ofSeconds(8));

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final TestSignal<ConnectionEvent> events = new TestSignal<>();
    private final LogLines log = new LogLines();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : opened) {
            each.close();
        }
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                        .extracting(Thread::getName)
                        .noneMatch(name -> name.startsWith("millrace-") && name.endsWith("-wire")));
    }

    /** As much of a server with our schema as the supervisor asks for. */
    private static WireScript millrace() {
        return WireServer.script()
                .onQuery(".*pg_is_in_recovery.*", rows("read_only", false))
                .onQuery(".*pg_backend_pid.*", columns("pid", "unlimited").row(1, false))
                .onQuery(".*max\\(version\\).*", rows("version", SchemaVersion.REQUIRED))
                .onQuery(".*max_connections.*", error("42501", "not for you"))
                .onQuery(".*to_regclass.*|.*pg_catalog.*|.*information_schema.*", rows("exists", true))
                .onQuery("SELECT pg_notify.*", rows("pg_notify", ""))
                .onQuery("SELECT fine", rows("fine", 1));
    }

    private Supervisor start(WireScript script) throws Exception {
        WireServer server = script.start();
        Supervisor supervisor =
                Supervisor.start(Database.of(server.url()).withTimeouts(LIMITS).withInstance("wire"), events);
        opened.add(supervisor);
        opened.add(server);
        supervisor.awaitUp(SOON);
        log.start();
        return supervisor;
    }

    private static boolean run(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.execute(sql);
        }
    }

    private void assertOneOutage(Supervisor supervisor) throws Exception {
        await().atMost(SOON).until(() -> supervisor.epoch() == 2 && supervisor.state() == State.UP);
        assertThat(supervisor.<Boolean>control(connection -> run(connection, "SELECT fine")))
                .isTrue();
        events.await(event -> event instanceof ConnectionEvent.LinkUp up && up.epoch() == 2, SOON);
        assertThat(events.all().stream().filter(event -> event instanceof ConnectionEvent.LinkLost))
                .hasSize(1);
        assertThat(supervisor.metrics().count(ConnectionMetrics.Counter.OUTAGES))
                .isEqualTo(1);
        assertThat(log.stop()).as(log.toString()).isEqualTo(1);
    }

    private Supervisor controlMeets(WireStep... steps) throws Exception {
        Supervisor supervisor = start(millrace().onQuery(1, POISON, steps));
        assertThatThrownBy(() -> supervisor.control(connection -> run(connection, POISON)))
                .isInstanceOf(SQLException.class);
        return supervisor;
    }

    /** An incident of pgx: it closed twice here, and panicked. */
    @Test
    void doubleFatal_doesNotDoubleClose() throws Exception {
        assertOneOutage(controlMeets(
                fatal("57P01", "terminating connection due to administrator command"),
                fatal("57P01", "terminating connection due to administrator command")));
    }

    @Test
    void errorThenEndOfStream_endsTheLinkOnce() throws Exception {
        assertOneOutage(controlMeets(error("57P02", "crash"), eof()));
    }

    @Test
    void garbage_endsTheLinkOnce() throws Exception {
        assertOneOutage(controlMeets(garbage((byte) 0x7f, (byte) 0, (byte) 0, (byte) 0, (byte) 9)));
    }

    @Test
    void silence_isEndedByTheWatchdog() throws Exception {
        Supervisor supervisor = controlMeets(WireStep.silence());
        assertThat(supervisor.metrics().count(ConnectionMetrics.Counter.WATCHDOG_KILLS))
                .isEqualTo(1);
        assertOneOutage(supervisor);
    }

    @Test
    void fatalDuringCommit_failsTheTransaction_andTheNextOneHasAFreshLink() throws Exception {
        Supervisor supervisor = start(millrace().onQuery(1, "COMMIT", fatal("57P01", "going down")));
        assertThatThrownBy(() -> supervisor.transaction(connection -> run(connection, "SELECT fine")))
                .isInstanceOf(SQLException.class);
        assertThat(supervisor.<Boolean>transaction(connection -> run(connection, "SELECT fine")))
                .isTrue();
    }

    /** The driver waits for the rest for ever, whatever its timeouts say. */
    @Test
    void halfANotification_isEndedByTheWatchdog_andListeningGoesOn() throws Exception {
        WireScript script = millrace();
        WireServer server = script.start();
        Supervisor supervisor =
                Supervisor.start(Database.of(server.url()).withTimeouts(LIMITS).withInstance("wire"), events);
        opened.add(supervisor);
        opened.add(server);
        supervisor.awaitUp(SOON);
        TestSignal<String> seen = new TestSignal<>();
        opened.add(0, supervisor.listen(new NotificationHandler() {
            @Override
            public void notified(String payload) {
                seen.accept(payload);
            }

            @Override
            public void missed() {
                seen.accept("missed");
            }
        }));
        seen.await("missed"::equals, SOON);
        await().atMost(SOON).until(() -> server.push(half(notificationResponse("millrace", "lost"), 9)) > 0);
        await().atMost(SOON)
                .until(() -> seen.all().stream().filter("missed"::equals).count() >= 2);
        // Also the link that is about to end takes one, and never tells it.
        await().atMost(SOON).until(() -> {
            server.notify("millrace", "whole");
            return seen.all().contains("whole");
        });
        assertThat(seen.all()).doesNotContain("lost");
    }

    /** A naive loop makes 160,000 failing calls a second here. */
    @Test
    void serverThatEndsEachSessionAtOnce_costsNoMoreThanTheBucket() throws Exception {
        WireServer server =
                WireServer.script().onConnect(0, fatal("57P01", "not today")).start();
        opened.add(server);
        Supervisor supervisor =
                Supervisor.start(Database.of(server.url()).withTimeouts(LIMITS).withInstance("wire"), events);
        opened.add(0, supervisor);
        supervisor.listen(new NotificationHandler() {
            @Override
            public void notified(String payload) {
                // Nothing comes.
            }

            @Override
            public void missed() {
                // Nothing to catch up with.
            }
        });
        long began = System.nanoTime();
        await().atMost(SOON).until(() -> server.connects() >= 5);
        double seconds = (System.nanoTime() - began) / 1e9;
        assertThat(server.connects()).isLessThanOrEqualTo((int) (10 + seconds / 3 + 1));
        assertThat(supervisor.metrics().count(ConnectionMetrics.Counter.SPIN_GUARD_TRIPS))
                .isZero();
    }
}
