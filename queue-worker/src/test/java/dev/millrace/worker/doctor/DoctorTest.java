package dev.millrace.worker.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.migrations.SchemaException;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.doctor.Finding.Level;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Each sickness is brought about for real, and found by its check alone. */
@PostgresTest
@Timeout(120)
class DoctorTest {

    private static final Duration SOON = Duration.ofSeconds(60);

    private final TestDatabase database;

    DoctorTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job; TRUNCATE worker; TRUNCATE leader; TRUNCATE queue");
    }

    private Doctor doctor() {
        return Doctor.of(Database.of(database.url()));
    }

    /** The test's server may run without fsync, and beside it other tests hold snapshots of their own databases. */
    @Test
    void examine_freshSchema_findsItWell() {
        // A wake-up that takes two seconds, as where the machine pauses, is none.
        await().atMost(SOON).untilAsserted(() -> {
            Report report = doctor().examine();
            assertThat(report.findings())
                    .filteredOn(finding -> !finding.check().equals("settings"))
                    .allSatisfy(finding -> {
                        assertThat(finding.level()).as(finding.toString()).isEqualTo(Level.OK);
                        assertThat(finding.advice()).isNull();
                    })
                    .extracting(Finding::check)
                    .containsExactly(
                            "version",
                            "permissions",
                            "connections",
                            "clock",
                            "oldest snapshot",
                            "dead rows",
                            "history",
                            "workers",
                            "queues",
                            "wake-up");
        });
    }

    @Test
    void schema_missingOrNewer_isThrown() {
        Database missing = Database.of(database.url()).withSchema(new SchemaName("nothing"));
        assertThatThrownBy(() -> Doctor.of(missing).examine()).isInstanceOf(SchemaException.class);

        database.execute("INSERT INTO millrace_version (version) VALUES (99)");
        try {
            assertThatThrownBy(() -> doctor().examine())
                    .isInstanceOf(SchemaException.class)
                    .hasMessageContaining("newer");
        } finally {
            database.execute("DELETE FROM millrace_version WHERE version = 99");
        }
    }

    @Test
    void database_notThere_isThrown() {
        Database nowhere = Database.of(database.url().replace("/" + database.name(), "/no_such_database"));

        assertThatThrownBy(() -> Doctor.of(nowhere).examine()).isInstanceOf(DatabaseUnavailableException.class);
    }

    @Test
    void snapshot_heldByASession_isFoundWithItsHolder() throws SQLException {
        try (Connection session = database.connect();
                Statement statement = session.createStatement()) {
            session.setAutoCommit(false);
            session.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            statement.execute("SET application_name = 'nightly-report'");
            statement.execute("SELECT count(*) FROM pg_class");

            Finding found = one(doctor().withLongSnapshot(Duration.ZERO), "oldest snapshot");
            assertThat(found.level()).isEqualTo(Level.WARN);
            assertThat(found.found()).contains("'nightly-report'", "idle in transaction");
            assertThat(found.advice()).contains("pg_terminate_backend(");

            assertThat(one(doctor(), "oldest snapshot").level())
                    .as("not for long yet")
                    .isEqualTo(Level.OK);
        }
    }

    @Test
    void autovacuum_offForATable_fails() {
        database.execute("ALTER TABLE job_available SET (autovacuum_enabled = false)");
        try {
            Finding found = one(doctor(), "dead rows");
            assertThat(found.level()).isEqualTo(Level.FAIL);
            assertThat(found.found()).contains("job_available", "autovacuum is off for it");
            database.execute(String.valueOf(found.advice()));
        } finally {
            database.execute("ALTER TABLE job_available RESET (autovacuum_enabled)");
        }
        assertThat(one(doctor(), "dead rows").level()).isEqualTo(Level.OK);
    }

    @Test
    void deadRows_manyAtTheHead_areAWarning() {
        database.execute("ALTER TABLE job_available SET (autovacuum_vacuum_threshold = 1000000000)");
        try {
            // A session reports its counts at the latest when it ends, some time after its client has left.
            database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, 110000)");
            database.execute("DELETE FROM job WHERE state = 'available'");

            await().atMost(SOON).untilAsserted(() -> {
                Finding found = one(doctor(), "dead rows");
                assertThat(found.level()).isEqualTo(Level.WARN);
                assertThat(found.found()).startsWith("job_available has 110000");
            });
        } finally {
            database.execute("ALTER TABLE job_available SET (autovacuum_vacuum_threshold = 10000)");
        }
    }

    @Test
    void history_withoutToday_fails() {
        String today = database.queryString("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')");
        String day = "job_finalized_" + today;
        database.execute("ALTER TABLE job_finalized DETACH PARTITION " + day);
        try {
            Finding found = one(doctor(), "history");
            assertThat(found.level()).isEqualTo(Level.FAIL);
            assertThat(found.found()).contains("no day partition for");
        } finally {
            database.execute("ALTER TABLE job_finalized ATTACH PARTITION " + day
                    + " FOR VALUES FROM ((now() AT TIME ZONE 'UTC')::date::timestamp AT TIME ZONE 'UTC')"
                    + " TO (((now() AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC')");
        }
    }

    @Test
    void history_withoutTomorrow_isAWarning() {
        database.execute(
                "CREATE TABLE days AS SELECT inhrelid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound"
                        + " FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent = 'job_finalized'::regclass"
                        + " AND c.relname > to_char(now() AT TIME ZONE 'UTC', '\"job_finalized_\"YYYYMMDD') AND c.relname ~ '[0-9]$'");
        database.execute("DO $$ DECLARE d record; BEGIN FOR d IN SELECT * FROM days LOOP"
                + " EXECUTE 'ALTER TABLE job_finalized DETACH PARTITION ' || d.name; END LOOP; END $$");
        try {
            assertThat(database.queryLong("SELECT count(*) FROM days")).isGreaterThanOrEqualTo(2);
            Finding found = one(doctor(), "history");
            assertThat(found.level()).isEqualTo(Level.WARN);
            assertThat(found.found()).contains("no day partition after");
        } finally {
            database.execute("DO $$ DECLARE d record; BEGIN FOR d IN SELECT * FROM days LOOP"
                    + " EXECUTE format('ALTER TABLE job_finalized ATTACH PARTITION %s %s', d.name, d.bound); END LOOP; END $$;"
                    + " DROP TABLE days");
        }
    }

    @Test
    void queue_pausedWithJobs_isAWarning() {
        database.execute("SELECT pause_queue('mail')");
        assertThat(one(doctor(), "queues").level()).as("paused and empty").isEqualTo(Level.OK);
        database.execute("INSERT INTO job (kind, queue) VALUES ('send', 'mail')");

        Finding found = one(doctor(), "queues");
        assertThat(found.level()).isEqualTo(Level.WARN);
        assertThat(found.found()).contains("'mail' is paused");
        database.execute(String.valueOf(found.advice()));
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE paused_at IS NOT NULL"))
                .isZero();
    }

    @Test
    void queue_thatNoWorkerHas_orKindThatNoneRuns_isAWarning() {
        liveWorker("w1", "{\"default\": 10}");
        database.execute("""
                INSERT INTO job (kind, queue, scheduled_at) VALUES
                    ('forgotten', 'default', now() - interval '1 hour'), ('send', 'mail', now()), ('fresh', 'other', now());
                INSERT INTO job (kind, queue, priority, scheduled_at) VALUES ('first', 'default', 1, now());
                """);

        assertThat(all(doctor(), "queues"))
                .allSatisfy(finding -> assertThat(finding.level()).isEqualTo(Level.WARN))
                .extracting(Finding::found)
                .satisfiesExactlyInAnyOrder(
                        text -> assertThat(text).contains("'default'", "kind 'forgotten', none of which runs"),
                        text -> assertThat(text).contains("'mail' has jobs and no live worker"),
                        text -> assertThat(text).contains("'other' has jobs and no live worker"));
    }

    @Test
    void leader_longGone_fails() {
        liveWorker("w1", "{}");
        database.execute("INSERT INTO leader VALUES ('leader', 'w0', 1, clock_timestamp() - interval '2 minutes')");

        Finding found = one(doctor(), "workers");
        assertThat(found.level()).isEqualTo(Level.FAIL);
        assertThat(found.found()).contains("1 alive, and no leader for 1");
    }

    @Test
    void jobs_ofDeadWorkersAndOverdue_areWarnings() {
        database.execute("""
                INSERT INTO job (kind, state, attempt, attempted_by, attempted_at) VALUES ('k', 'running', 1, 'dead', now());
                INSERT INTO job (kind, state, scheduled_at) VALUES ('k', 'scheduled', now() - interval '10 minutes');
                """);

        assertThat(all(doctor(), "workers"))
                .extracting(Finding::level, Finding::found)
                .satisfiesExactly(
                        none -> assertThat(none.toString()).contains("OK", "none is alive"),
                        lost -> assertThat(lost.toString()).contains("WARN", "running jobs without a live worker: 1"),
                        due -> assertThat(due.toString()).contains("WARN", "due for 60"));
    }

    @Test
    void clock_ofThisMachineAhead_isAWarning() {
        Doctor ahead = doctor().withClock(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(2)));

        Finding found = one(ahead, "clock");
        assertThat(found.level()).isEqualTo(Level.WARN);
        assertThat(found.found()).containsPattern("1(19|20)\\d{3} ms ahead");
    }

    @Test
    void connections_tooManyWanted_areAWarning() {
        Finding found = one(Doctor.of(Database.of(database.url()).withPoolSize(1_000)), "connections");

        assertThat(found.level()).isEqualTo(Level.WARN);
        assertThat(found.advice()).contains("raise max_connections");
    }

    private void liveWorker(String id, String queues) {
        database.execute(
                "INSERT INTO worker (id, lease_expires_at, queues) VALUES (?, clock_timestamp() + interval '1 hour', ?::jsonb)",
                id,
                queues);
    }

    private static List<Finding> all(Doctor doctor, String check) {
        return doctor.examine().findings().stream()
                .filter(finding -> finding.check().equals(check))
                .toList();
    }

    private static Finding one(Doctor doctor, String check) {
        List<Finding> found = all(doctor, check);
        assertThat(found).hasSize(1);
        return found.get(0);
    }
}
