package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class PeriodicSamplesTest {

    private final TestDatabase database;

    PeriodicSamplesTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, periodic");
    }

    @Test
    void samples_inCode_areWrittenDownAndPlanned() {
        Worker.Builder builder = Worker.builder(Database.of(database.url())).handlers(new ExampleHandlers());
        try (Worker worker =
                PeriodicSamples.customSchedule(PeriodicSamples.inCode(builder)).build()) {
            worker.start();
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> database.queryLong("SELECT count(*) FROM periodic WHERE next_tick_at > now()") == 2);
        }
        assertThat(
                        database.queryString(
                                "SELECT string_agg(concat_ws('|', name, schedule, zone, queue, missed), ' ' ORDER BY name) FROM periodic"))
                .isEqualTo("closing|code|UTC|default|one report|cron 0 9 * * MON-FRI|Europe/Berlin|reports|skip");
        assertThat(database.queryLong("""
                SELECT extract(month FROM next_tick_at AT TIME ZONE 'Europe/Berlin')::int % 3 * 100
                    + extract(hour FROM next_tick_at AT TIME ZONE 'Europe/Berlin')::int FROM periodic WHERE name = 'closing'
                """)).isEqualTo(12);
    }

    @Test
    void samples_inTheDatabase_areThereAndRunOnce() {
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            assertThat(PeriodicSamples.inTheDatabase(millrace))
                    .filteredOn(entry -> entry.name().equals("cleanup"))
                    .singleElement()
                    .satisfies(entry -> assertThat(entry.enabled()).isFalse());
            assertThat(millrace.periodic().remove("cleanup")).isTrue();
        }
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE metadata ->> 'periodic' = 'cleanup'"))
                .isOne();
    }

    @Test
    void guide_itsSql_runs() throws IOException {
        String guide = Files.readString(Path.of("../docs/periodic.md"));
        Matcher block = Pattern.compile("```sql\\n(.*?)```", Pattern.DOTALL).matcher(guide);
        assertThat(block.find()).isTrue();

        for (String statement : block.group(1).replaceAll("--.*", "").split(";")) {
            if (!statement.isBlank()) {
                database.execute(statement);
            }
        }

        assertThat(database.queryString("SELECT string_agg(name, ' ') FROM periodic WHERE source = 'database'"))
                .isEqualTo("report");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE kind = 'delete_old'"))
                .isOne();
    }

    @Test
    void preview_whereClocksChange_isAtTheEndOfTheGap() {
        assertThat(PeriodicSamples.preview())
                .containsExactly(Instant.parse("2027-03-28T01:00:00Z"), Instant.parse("2027-03-29T00:30:00Z"));
    }
}
