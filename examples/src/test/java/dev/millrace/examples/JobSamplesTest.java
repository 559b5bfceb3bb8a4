package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.ops.RetryOutcome;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What docs/jobs.md shows does what it says. */
@PostgresTest
class JobSamplesTest {

    private final TestDatabase database;

    JobSamplesTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void example_deadLetters_areShownAndRedriven() {
        database.execute("""
                INSERT INTO job (kind, state, attempt, finalized_at, errors)
                SELECT 'send_receipt', 'discarded', 25, now(), '[{"type": "IOException", "message": "read timeout"}]'
                FROM generate_series(1, 700)""");
        long id = database.queryLong("SELECT min(id) FROM job");
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            JobSamples example = new JobSamples(millrace);
            List<String> lines = new ArrayList<>();
            List<Long> ids = new ArrayList<>();

            example.inspect(id, lines::add);
            example.deadLetters(job -> ids.add(job.id()));

            assertThat(lines).containsExactly("DISCARDED after 25 attempts", "null IOException: read timeout");
            assertThat(ids).hasSize(700).doesNotHaveDuplicates();
            assertThat(example.redrive(done -> {}).count(RetryOutcome.RETRIED)).isEqualTo(700);
            assertThat(example.counts().get(0)).isZero();
            assertThat(example.byId(id, List.of(id))).hasSize(1);
            assertThat(database.queryString("SELECT args ->> 'to' FROM job WHERE id = ?", id))
                    .isEqualTo("b@example.com");
        }
    }
}
