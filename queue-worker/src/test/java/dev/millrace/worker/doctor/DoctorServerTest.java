package dev.millrace.worker.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PgBouncer;
import dev.millrace.testing.PgBouncer.PoolMode;
import dev.millrace.testing.PgServer;
import dev.millrace.worker.doctor.Finding.Level;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What belongs to the whole server, on one of its own; and a pooler before it. */
@Timeout(180)
class DoctorServerTest {

    private static final Duration SOON = Duration.ofSeconds(60);

    private static PgServer server;

    @BeforeAll
    static void startServer() {
        server = PgServer.builder()
                .config("fsync", "on")
                .config("full_page_writes", "on")
                .config("synchronous_commit", "on")
                .config("shared_buffers", "128MB")
                .config("max_wal_size", "1GB")
                .config("max_prepared_transactions", "5")
                .config("wal_level", "replica")
                .start();
        Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                .migrate();
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    private static Database database() {
        return Database.of(server.url("postgres"));
    }

    private static List<Finding> of(Database database, String check) {
        return Doctor.of(database).withLongSnapshot(Duration.ZERO).examine().findings().stream()
                .filter(finding -> finding.check().equals(check))
                .toList();
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Test
    void server_asItShouldBe_isFitWithoutAWarning() {
        // A wake-up that takes two seconds, as where the machine pauses, is none.
        await().atMost(SOON).untilAsserted(() -> {
            Report report = Doctor.of(database()).examine();
            assertThat(report.findings())
                    .allSatisfy(finding ->
                            assertThat(finding.level()).as(finding.toString()).isEqualTo(Level.OK));
            assertThat(report.isFit()).isTrue();
        });
    }

    @Test
    void settings_thatLoseJobs_areFound() {
        server.reload("fsync", "off", "synchronous_commit", "off", "autovacuum", "off", "max_wal_size", "64MB");
        try {
            assertThat(of(database(), "settings"))
                    .extracting(Finding::toString)
                    .satisfiesExactly(
                            text -> assertThat(text).contains("FAIL", "fsync is off"),
                            text -> assertThat(text).contains("WARN", "synchronous_commit is off"),
                            text -> assertThat(text).contains("FAIL", "autovacuum does not run"),
                            text -> assertThat(text).contains("WARN", "max_wal_size is 64MB"));
        } finally {
            server.reload("fsync", "on", "synchronous_commit", "on", "autovacuum", "on", "max_wal_size", "1GB");
        }
    }

    @Test
    void preparedTransaction_holdsTheSnapshot() throws SQLException {
        execute("BEGIN; CREATE TABLE half_done (n int); PREPARE TRANSACTION 'half-done'");
        try {
            assertThat(of(database(), "oldest snapshot")).anySatisfy(finding -> {
                assertThat(finding.level()).isEqualTo(Level.WARN);
                assertThat(finding.found()).contains("prepared transaction half-done");
            });
        } finally {
            execute("ROLLBACK PREPARED 'half-done'");
        }
    }

    @Test
    void pooler_inTransactionMode_isAWarningUntilThereIsADirectUrl() {
        PgBouncer.assumeInstalled();
        try (PgBouncer pooler = PgBouncer.builder("127.0.0.1", server.port())
                .poolMode(PoolMode.TRANSACTION)
                .start()) {
            Database pooled = Database.of(pooler.url("postgres"));

            assertThat(of(pooled, "wake-up")).singleElement().satisfies(finding -> {
                assertThat(finding.level()).isEqualTo(Level.WARN);
                assertThat(finding.found()).contains("did not arrive", "a pooler is in between");
                assertThat(finding.advice()).contains("--direct-url");
            });
            assertThat(of(pooled, "settings"))
                    .singleElement()
                    .satisfies(finding -> assertThat(finding.found()).contains("idle in a transaction for ever"));

            await().atMost(SOON).untilAsserted(() -> {
                List<Finding> found = of(pooled.withDirectUrl(server.url("postgres")), "wake-up");
                assertThat(found).singleElement().satisfies(finding -> {
                    assertThat(finding.level()).isEqualTo(Level.OK);
                    assertThat(finding.found()).contains("a pooler is in between");
                });
            });
        }
    }
}
