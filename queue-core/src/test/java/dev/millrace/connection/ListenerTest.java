package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The listener has its own wait after a failure, but not its own opinion of when the database is well again. */
@PostgresTest
class ListenerTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final Duration AT_ONCE = Duration.ofSeconds(3);

    private final TestDatabase database;
    private final String role;

    ListenerTest(TestDatabase database) {
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

    /** Refused credentials are tried again after 5 to 60 seconds; the new epoch has proved that they are good. */
    @Test
    void refusedListener_listensAgainWithTheNextEpoch() throws Exception {
        NotificationHandler nobody = new NotificationHandler() {
            @Override
            public void notified(String payload) {
                // Nobody is interested.
            }

            @Override
            public void missed() {
                // Nor in this.
            }
        };
        try (Supervisor supervisor =
                        Supervisor.start(Database.of(database.url()).withCredentials(role, "secret"));
                AutoCloseable listening = supervisor.listen(nobody)) {
            assertThat(listening).isNotNull();
            await().atMost(SOON).until(() -> supervisor.state() == State.UP);

            // The machine may pause in one of three rounds.
            Duration took = fromTheNextEpochUntilItListens(supervisor);
            for (int more = 0; more < 2 && took.compareTo(AT_ONCE) > 0; more++) {
                took = fromTheNextEpochUntilItListens(supervisor);
            }
            assertThat(took).isLessThan(AT_ONCE);
        }
    }

    private Duration fromTheNextEpochUntilItListens(Supervisor supervisor) {
        long epoch = supervisor.epoch();
        long outages = supervisor.metrics().count(Counter.OUTAGES);
        long refused = refused(supervisor);
        database.execute("ALTER ROLE \"" + role + "\" NOLOGIN");
        terminate("listen");
        await().atMost(SOON).until(() -> refused(supervisor) > refused);
        assertThat(supervisor.state()).isEqualTo(State.DEGRADED);

        database.execute("ALTER ROLE \"" + role + "\" LOGIN");
        terminate("control");
        assertThatThrownBy(() -> supervisor.control(
                        connection -> connection.createStatement().execute("SELECT 1")))
                // Whichever was first, this or the supervision.
                .isInstanceOfAny(SQLException.class, DatabaseUnavailableException.class);
        await().pollInterval(Duration.ofMillis(10)).atMost(SOON).until(() -> supervisor.epoch() > epoch);
        long began = System.nanoTime();
        await().pollInterval(Duration.ofMillis(10)).atMost(SOON).until(() -> supervisor.state() == State.UP);
        assertThat(supervisor.metrics().count(Counter.OUTAGES)).isEqualTo(outages + 1);
        return Duration.ofNanos(System.nanoTime() - began);
    }

    private static long refused(Supervisor supervisor) {
        return supervisor.metrics().connectFailures().getOrDefault(FaultClass.CONFIGURATION, 0L);
    }

    private void terminate(String link) {
        database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE ?",
                "millrace/%/" + link + "#%");
    }
}
