package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.io.StringReader;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.PGConnection;

@PostgresTest
class JobTableTest {

    private final TestDatabase database;

    JobTableTest(TestDatabase database) {
        this.database = database;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "kind, state       | 'k', 'bad'                                | job_state_known",
                "kind              | ''                                        | job_kind_1_to_128_characters",
                "kind              | repeat('k', 129)                          | job_kind_1_to_128_characters",
                "kind, queue       | 'k', ''                                   | job_queue_1_to_128_characters",
                "kind, priority    | 'k', 9                                    | job_priority_1_to_4",
                "kind, priority    | 'k', 0                                    | job_priority_1_to_4",
                "kind, max_attempts| 'k', 0                                    | job_max_attempts_at_least_1",
                "kind, attempt     | 'k', 26                                   | job_attempt_0_to_max_attempts",
                "kind, timeout     | 'k', interval '0'                         | job_timeout_positive",
                "kind, metadata    | 'k', '[]'                                 | job_metadata_is_object",
                "kind, errors      | 'k', '{}'                                 | job_errors_is_array",
                "kind, scheduled_at| 'k', now() + interval '1 hour'            | job_due_in_future_needs_state_scheduled",
                "kind, state       | 'k', 'completed'                          | job_finalized_has_finalized_at",
                "kind, state       | 'k', 'running'                            | job_running_has_worker",
                "kind, state, attempted_by, attempted_at, priority | 'k', 'running', 'w', now(), 9    | job_priority_1_to_4",
                "kind, state, attempted_by, attempted_at, errors   | 'k', 'running', 'w', now(), '{}' | job_errors_is_array",
            })
    void insert_badValue_isRefusedByReadableName(String columns, String values, String constraint) {
        assertThatThrownBy(() -> database.execute("INSERT INTO job (" + columns + ") VALUES (" + values + ")"))
                .hasMessageContaining("violates check constraint \"" + constraint + "\"");
    }

    @Test
    void insert_plain_isAvailableJob() {
        database.execute("INSERT INTO job (kind, args) VALUES ('plain', '{\"to\": 7}')");

        assertThat(database.query("""
                        SELECT tableoid::regclass AS partition, state, queue, priority, attempt, max_attempts, args->>'to' AS to
                        FROM job WHERE kind = 'plain'
                        """))
                .singleElement()
                .hasToString("{partition=job_available, state=available, queue=default, priority=2, attempt=0, "
                        + "max_attempts=25, to=7}");
    }

    @Test
    void copy_plain_makesAvailableJobs() throws SQLException, IOException {
        try (Connection session = database.connect()) {
            long copied = session.unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn(
                            "COPY millrace.job (kind, args) FROM STDIN",
                            new StringReader("copied\t{\"n\": 1}\ncopied\t{\"n\": 2}\ncopied\t{}\n"));
            assertThat(copied).isEqualTo(3);
        }
        assertThat(database.queryLong("SELECT count(*) FROM job_available WHERE kind = 'copied'"))
                .isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource({
        "available, job_available",
        "running, job_running",
        "scheduled, job_deferred",
        "retryable, job_deferred",
        "pending, job_deferred"
    })
    void insert_eachState_landsInItsPhase(String state, String partition) {
        database.execute(
                "INSERT INTO job (kind, state, attempted_by, attempted_at) VALUES (?, ?, 'w', now())",
                "in " + state,
                state);

        assertThat(database.queryString("SELECT tableoid::regclass FROM job WHERE kind = ?", "in " + state))
                .isEqualTo(partition);
    }

    @Test
    void history_hasFourDaysInUtc() {
        String today = database.queryString(
                "SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM millrace_version WHERE version = 1");
        List<String> expected = database
                .query(
                        "SELECT 'job_finalized_' || to_char(?::date + i, 'YYYYMMDD') AS name FROM generate_series(0, 3) i",
                        today)
                .stream()
                .map(row -> (String) row.get("name"))
                .toList();

        assertThat(database.query("""
                        SELECT inhrelid::regclass::text AS name FROM pg_inherits
                        WHERE inhparent = 'job_finalized'::regclass AND inhrelid <> 'job_finalized_default'::regclass
                        ORDER BY 1
                        """)).extracting(row -> row.get("name")).containsExactlyElementsOf(expected);
        assertThat(partitionOf(today + " 00:00:00+00")).isEqualTo(expected.get(0));
        assertThat(partitionOf(today + " 23:59:59.999999+00")).isEqualTo(expected.get(0));
        assertThat(partitionOf("2001-01-01 00:00:00+00")).isEqualTo("job_finalized_default");
    }

    private String partitionOf(String finalizedAt) {
        database.execute(
                "INSERT INTO job (kind, state, finalized_at) VALUES (?, 'completed', ?::timestamptz)",
                finalizedAt,
                finalizedAt);
        return String.valueOf(database.queryString("SELECT tableoid::regclass FROM job WHERE kind = ?", finalizedAt));
    }
}
