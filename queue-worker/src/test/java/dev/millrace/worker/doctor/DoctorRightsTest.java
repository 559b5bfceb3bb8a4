package dev.millrace.worker.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.doctor.Finding.Level;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Seen by roles that may not do all. */
@PostgresTest
@Timeout(60)
class DoctorRightsTest {

    private static final String ROLE = "doctor_restricted";
    private static final String PASSWORD = "hush-doctor";

    private final TestDatabase database;

    DoctorRightsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void createRole() {
        database.execute("CREATE ROLE " + ROLE + " LOGIN PASSWORD '" + PASSWORD + "'");
        database.execute("GRANT USAGE ON SCHEMA millrace TO " + ROLE);
        database.execute("GRANT SELECT ON millrace_version TO " + ROLE);
    }

    @AfterEach
    void dropRole() {
        database.execute("DROP OWNED BY " + ROLE + "; DROP ROLE " + ROLE);
    }

    private Report report() {
        return Doctor.of(Database.of(database.url()).withCredentials(ROLE, PASSWORD))
                .examine();
    }

    private static List<Finding> of(Report report, String check) {
        return report.findings().stream()
                .filter(finding -> finding.check().equals(check))
                .toList();
    }

    private static Finding one(Report report, String check) {
        assertThat(of(report, check)).hasSize(1);
        return of(report, check).get(0);
    }

    @Test
    void worker_thatDoesNotOwnTheTables_isWarnedOfHistoryOnly() {
        database.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA millrace TO " + ROLE);
        database.execute("GRANT USAGE, SELECT ON SEQUENCE job_seq TO " + ROLE);

        Report report = report();
        Finding found = one(report, "permissions");
        assertThat(found.level()).isEqualTo(Level.WARN);
        assertThat(found.found()).contains("may enqueue and work", "CREATE on schema", "ownership of job_finalized");
        assertThat(one(report, "history").level()).isEqualTo(Level.OK);
    }

    @Test
    void worker_withOneRightRevoked_fails() {
        database.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA millrace TO " + ROLE);
        database.execute("GRANT USAGE, SELECT ON SEQUENCE job_seq TO " + ROLE);
        database.execute("REVOKE DELETE ON job_available FROM " + ROLE);

        Report report = report();
        Finding found = one(report, "permissions");
        assertThat(found.level()).isEqualTo(Level.FAIL);
        assertThat(found.found()).isEqualTo("may not work: lacks DELETE on job_available");
        assertThat(report.isFit()).isFalse();
    }

    /** What it may not look at is said, and fails nothing. */
    @Test
    void producer_mayEnqueueOnly_isWarned() {
        database.execute("GRANT INSERT ON job TO " + ROLE);
        database.execute("GRANT USAGE ON SEQUENCE job_seq TO " + ROLE);

        Report report = report();
        assertThat(one(report, "permissions").found()).contains("may enqueue, and not work");
        assertThat(report.findings())
                .filteredOn(finding -> finding.level() == Level.FAIL)
                .allSatisfy(finding -> assertThat(finding.check()).isEqualTo("settings"));
        for (String check : List.of("oldest snapshot", "workers", "queues")) {
            assertThat(one(report, check).found()).startsWith("could not look");
            assertThat(one(report, check).level()).isEqualTo(Level.WARN);
        }
        // One that takes two seconds, as where the machine pauses, is none.
        await().atMost(Duration.ofSeconds(30))
                .until(() -> one(report(), "wake-up").level() == Level.OK);
        assertThat(report.toString()).doesNotContain(PASSWORD);
    }

    @Test
    void stranger_withoutTheSchema_fails() {
        database.execute("REVOKE USAGE ON SCHEMA millrace FROM " + ROLE);

        Finding found = one(report(), "permissions");
        assertThat(found.level()).isEqualTo(Level.FAIL);
        assertThat(found.found()).contains("permission denied for schema millrace");
    }

    @Test
    void roleWithFewConnections_isWarned() {
        database.execute("ALTER ROLE " + ROLE + " CONNECTION LIMIT 5");

        Finding found = one(report(), "connections");
        assertThat(found.level()).isEqualTo(Level.WARN);
        assertThat(found.advice()).contains("raise ALTER ROLE \"" + ROLE + "\" CONNECTION LIMIT by at least");
    }
}
