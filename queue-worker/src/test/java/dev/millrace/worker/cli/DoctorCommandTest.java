package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

@PostgresTest
@Timeout(60)
class DoctorCommandTest {

    private final TestDatabase database;

    DoctorCommandTest(TestDatabase database) {
        this.database = database;
    }

    private Outcome doctor(String... more) {
        String[] args = new String[more.length + 1];
        args[0] = "doctor";
        System.arraycopy(more, 0, args, 1, more.length);
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), args);
    }

    @Test
    void doctor_sickDatabase_isOneScreenAndStatus1() {
        database.execute("ALTER TABLE job_running SET (autovacuum_enabled = false); SELECT pause_queue('mail');"
                + "INSERT INTO job (kind, queue) VALUES ('send', 'mail')");

        Outcome outcome = doctor();
        assertThat(outcome.status()).as(outcome.err()).isEqualTo(1);
        assertThat(outcome.err()).isEmpty();
        assertThat(outcome.out())
                .contains("FAIL  dead rows        job_running has", "→ ALTER TABLE", "'mail' is paused", "Not fit: ");
        assertThat(outcome.out().lines()).hasSizeLessThan(40);
    }

    @Test
    void doctor_json_isTheSameForMachines() {
        Outcome outcome = doctor("--json");

        JsonNode report = JsonText.JSON.readTree(outcome.out());
        assertThat(outcome.status()).isEqualTo(report.get("fit").asBoolean() ? 0 : 1);
        assertThat(report.get("schema").asString()).isEqualTo("millrace");
        assertThat(report.get("findings")).isNotEmpty().allSatisfy(finding -> {
            assertThat(finding.get("level").asString()).isIn("ok", "warn", "fail");
            assertThat(finding.get("found").asString()).isNotEmpty();
            assertThat(finding.has("advice"))
                    .isEqualTo(!finding.get("level").asString().equals("ok"));
        });
    }

    @Test
    void doctor_nothingToLookAt_isStatus3Or4() {
        Outcome.of(Map.of(), "doctor", "--database-url", "postgresql://u:hush@127.0.0.1:1/nothing")
                .failed(3, "refused")
                .without("hush");
        doctor("--schema", "nothing").failed(4, "has no job tables");
    }
}
