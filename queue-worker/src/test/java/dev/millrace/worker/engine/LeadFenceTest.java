package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.awaitility.Awaitility.await;

import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** Whoever leads no more does nothing that must be done once, whatever it believes. */
@PostgresTest
class LeadFenceTest {

    private static final Duration LENGTH = Duration.ofSeconds(10);

    private final TestDatabase database;
    private final MaintenanceTable maintenance = new MaintenanceTable(SchemaName.DEFAULT);
    private final LeaderTable leaders = new LeaderTable(SchemaName.DEFAULT);
    private final HistoryTable history = new HistoryTable(SchemaName.DEFAULT, leaders);

    LeadFenceTest(TestDatabase database) {
        this.database = database;
    }

    private boolean drop(Connection connection, String worker, long term) throws SQLException {
        connection.setAutoCommit(false);
        try {
            return history.dropDay(connection, "job_finalized_20200101", List.of(), worker, term);
        } finally {
            connection.commit();
            connection.setAutoCommit(true);
        }
    }

    private boolean dayIsThere() {
        return database.queryLong("SELECT count(*) FROM pg_class WHERE relname = 'job_finalized_20200101'") == 1;
    }

    @Test
    void dropDay_byAFormerLeader_anOldTermOrAnExpiredLead_doesNothing() throws SQLException {
        database.execute("TRUNCATE leader");
        database.execute("CREATE TABLE job_finalized_20200101 PARTITION OF job_finalized"
                + " FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00')");
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            long first = maintenance.lead(connection, "a", LENGTH).term();
            leaders.resign(connection, "a");
            assertThat(drop(connection, "a", first)).as("resigned").isFalse();

            long second = maintenance.lead(connection, "b", LENGTH).term();
            assertThat(second).isGreaterThan(first);
            assertThat(drop(connection, "a", first)).as("overtaken").isFalse();
            assertThat(drop(connection, "a", second)).as("another's term").isFalse();
            assertThat(drop(connection, "b", first)).as("an old term").isFalse();

            statement.execute("UPDATE millrace.leader SET expires_at = now() - interval '1 second'");
            assertThat(drop(connection, "b", second)).as("expired").isFalse();
            statement.execute("UPDATE millrace.leader SET expires_at = now() + interval '1 hour'");
            assertThat(drop(connection, "b", second))
                    .as("from before the clock was set back")
                    .isFalse();
            assertThat(dayIsThere()).isTrue();

            assertThat(maintenance.lead(connection, "b", LENGTH).term()).isEqualTo(second);
            assertThat(drop(connection, "b", second)).isTrue();
            assertThat(dayIsThere()).isFalse();
        }
    }

    /** Or else each worker that starts and leads would read tables that the one before it has read. */
    @Test
    void statistics_thatAreYoung_areKnownToBe() throws SQLException {
        try (Connection connection = database.connect()) {
            history.analyze(connection);
            await().atMost(Duration.ofSeconds(20)).until(() -> history.analyzedWithin(connection, Duration.ofHours(1)));
            assertThat(history.analyzedWithin(connection, Duration.ZERO)).isFalse();
        }
    }

    @Test
    void statements_madeWhereDigitsAreOthers_areRead() throws SQLException {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try (Connection connection = database.connect()) {
            assertThat("%d".formatted(3)).isEqualTo("\u0663");
            HistoryTable made = new HistoryTable(SchemaName.DEFAULT, leaders);
            assertThatNoException().isThrownBy(() -> made.look(connection));
        } finally {
            Locale.setDefault(before);
        }
    }

    /** Or else the leader would promote nothing, again and again. */
    @Test
    void look_whereNothingWaits_nothingIsDue() throws SQLException {
        database.execute("TRUNCATE job");
        try (Connection connection = database.connect()) {
            assertThat(maintenance.look(connection).nextDueMillis()).isEqualTo(Long.MAX_VALUE);
            database.execute(
                    "INSERT INTO job (kind, state, scheduled_at) VALUES ('k', 'pending', now() - interval '1 hour'),"
                            + " ('k', 'scheduled', 'infinity')");
            assertThat(maintenance.look(connection).nextDueMillis()).isEqualTo(Long.MAX_VALUE);
            database.execute(
                    "INSERT INTO job (kind, state, scheduled_at) VALUES ('k', 'scheduled', now() + interval '1 minute')");
            assertThat(maintenance.look(connection).nextDueMillis()).isBetween(1L, 60_000L);
            database.execute("INSERT INTO job (kind, state, scheduled_at) VALUES ('k', 'retryable', '-infinity')");
            assertThat(maintenance.look(connection).nextDueMillis()).isNegative();
        }
    }

    @Test
    void lead_thatCanNotBeRenewed_isOverByTheMonotonicClock() {
        Lead lead = new Lead(LENGTH);
        assertThat(lead.isHeld()).isFalse();

        lead.renewed(1, System.nanoTime());
        assertThat(lead.isHeld()).isTrue();

        lead.renewed(1, System.nanoTime() - LENGTH.toNanos());
        assertThat(lead.isHeld()).isFalse();
        assertThat(lead.term()).isEqualTo(1);
    }
}
