package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

@PostgresTest
class QueuesCommandTest {

    private final TestDatabase database;

    QueuesCommandTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, queue; DELETE FROM retention WHERE queue <> '';"
                + " UPDATE retention SET keep = '24 hours' WHERE state <> 'discarded'");
    }

    private Outcome run(String... args) {
        return Outcome.of(
                Map.of("MILLRACE_DATABASE_URL", database.url()),
                Stream.concat(Stream.of("queues"), Stream.of(args)).toArray(String[]::new));
    }

    private static JsonNode json(Outcome outcome) {
        return JsonText.JSON.readTree(outcome.done().out());
    }

    @Test
    void list_queues_isATable() {
        database.execute("INSERT INTO job (kind, queue) SELECT 'k', 'mail' FROM generate_series(1, 3)");
        database.execute(
                "INSERT INTO job (kind, queue, state, scheduled_at) VALUES ('k', 'a-longer-name', 'scheduled', now() + '1 hour')");
        run("pause", "mail").done();

        assertThat(run("list").done().out().lines().toList())
                .satisfiesExactly(
                        head -> assertThat(head)
                                .startsWith("QUEUE          SLOTS  BUSY  AVAILABLE  LAG  RUNNING  SCHEDULED"),
                        line -> assertThat(line).matches("a-longer-name  0      0     0               0        1  .*"),
                        line -> assertThat(line)
                                .matches("mail           0      0     3          \\d+s   0        0 .* paused"));
    }

    @Test
    void list_json_hasEveryField() {
        database.execute("INSERT INTO job (kind, queue) SELECT 'k', 'mail' FROM generate_series(1, 3)");

        JsonNode queues = json(run("list", "--json"));

        assertThat(queues).hasSize(1);
        assertThat(queues.get(0).propertyNames())
                .containsExactly(
                        "name",
                        "paused_at",
                        "slots",
                        "available",
                        "running",
                        "scheduled",
                        "retryable",
                        "pending",
                        "completed",
                        "cancelled",
                        "discarded",
                        "available_capped",
                        "estimated",
                        "oldest_due_at",
                        "lag_seconds",
                        "workers",
                        "worker_slots",
                        "busy",
                        "finished_last_minute",
                        "failed_last_minute");
        assertThat(queues.get(0).path("available").asInt()).isEqualTo(3);
        assertThat(json(run("list", "nobody's", "--json"))
                        .get(0)
                        .path("available")
                        .asInt())
                .isZero();
    }

    @Test
    void pauseAndResume_tellWhatIs() {
        assertThat(run("pause", "mail").done().out().strip()).isEqualTo("Queue mail is paused");
        assertThat(json(run("pause", "mail", "--json")).path("paused_at").asString())
                .isNotEmpty();
        assertThat(run("resume", "mail").done().out().strip()).isEqualTo("Queue mail is not paused");
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE paused_at IS NOT NULL"))
                .isZero();
    }

    @Test
    void slots_setAndGivenBack() {
        assertThat(run("slots", "mail", "20").done().out().strip()).isEqualTo("Queue mail has 20 slots on each worker");
        assertThat(database.queryLong("SELECT slots FROM queue WHERE name = 'mail'"))
                .isEqualTo(20);
        run("slots", "mail", "default").done();
        assertThat(database.queryString("SELECT slots FROM queue WHERE name = 'mail'"))
                .isNull();
    }

    @Test
    void retention_setForAQueueAndForAll_isShown() {
        run("retention", "mail", "--state", "discarded", "--keep", "30d").done();
        run("retention", "--state", "cancelled", "--keep", "12h").done();

        assertThat(run("retention", "mail", "--keep", "none", "--state", "completed")
                        .done()
                        .out()
                        .lines())
                .containsExactly(
                        "QUEUE     STATE      KEEP",
                        "(others)  cancelled  12h",
                        "(others)  completed  1d",
                        "(others)  discarded  7d",
                        "mail      completed  none",
                        "mail      discarded  30d");

        JsonNode rules = json(run("retention", "mail", "--keep", "default", "--json"));
        assertThat(rules).hasSize(3);
        assertThat(rules.get(0).path("keep_seconds").asDouble()).isEqualTo(43_200);
    }

    @Test
    void wrongUsage_isStatus2WithWhatIsMissing() {
        run("dig").failed(2, "ACTION");
        run("pause").failed(2, "Name the QUEUE to pause");
        run("slots", "mail").failed(2, "Give the number of SLOTS, or default");
        run("slots", "mail", "many").failed(2, "SLOTS 'many' is neither a number nor default");
        run("slots", "mail", "0").failed(2, "Slots 0 of queue 'mail' are out of range: 1 to 10000");
        run("pause", "mail", "20").failed(2, "SLOTS goes with the action slots only");
        run("list", "--keep", "1d").failed(2, "--state and --keep go with the action retention only");
        run("retention", "--state", "completed").failed(2, "Give --keep with --state");
        run("retention", "mail", "--keep", "soon").failed(2, "'soon' is not a duration");
        run("retention", "mail", "--state", "running", "--keep", "1d")
                .failed(2, "Jobs in state running are not history");
        run("retention", "--keep", "default").failed(2, "All queues need a rule");
        assertThat(database.queryLong("SELECT count(*) FROM queue")).isZero();
    }

    @Test
    void unmigratedSchema_isStatus4() {
        run("list", "--schema", "nothing").failed(4, "has no job tables");
    }
}
