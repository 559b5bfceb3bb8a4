package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.ops.RetryOutcome;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What docs/jobs.md shows does what it says, and its SQL runs. */
@PostgresTest
class JobSamplesTest {

    private static final Path GUIDE = Path.of("../docs/jobs.md");

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

    @Test
    void guide_sql_runs() throws IOException {
        List<String> blocks = sql();
        assertThat(blocks).hasSizeGreaterThan(5);
        blocks.forEach(database::execute);
    }

    private static List<String> sql() throws IOException {
        return Pattern.compile("```sql\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(GUIDE))
                .results()
                .map(found -> found.group(1))
                .toList();
    }
}
