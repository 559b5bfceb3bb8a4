package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;

/** That the benchmark measures what it says and leaves nothing behind; the figures themselves are for a quiet machine. */
@PostgresTest
class BenchCommandTest {

    private static final List<String> SMALL = List.of(
            "bench",
            "--jobs",
            "2000",
            "--single-jobs",
            "80",
            "--latency-samples",
            "20",
            "--seconds",
            "1",
            "--runs",
            "1",
            "--json");

    private final TestDatabase database;

    BenchCommandTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void bench_json_hasEveryFigure_andNothingIsLeft() {
        database.execute("INSERT INTO job (kind) VALUES ('of_somebody_else')");

        JsonNode report = bench("--limit", "--runs", "2");

        assertThat(report.propertyNames())
                .contains(
                        "enqueue_per_second",
                        "enqueue_single_1_per_second",
                        "enqueue_single_8_per_second",
                        "work_per_second",
                        "wal_bytes_per_job",
                        "commits_per_job",
                        "dead_bytes_per_job",
                        "worker_cpu_seconds_per_1000_jobs",
                        "server_cpu_seconds_per_1000_jobs")
                .doesNotContain("steady");
        for (String figure : new String[] {
            "enqueue_per_second",
            "enqueue_single_1_per_second",
            "enqueue_single_8_per_second",
            "work_per_second",
            "wal_bytes_per_job",
            "commits_per_job"
        }) {
            assertThat(report.get(figure).asDouble()).as(figure).isPositive();
        }
        // A job is deleted from where it waited and from where it ran, and each row is larger than its arguments.
        assertThat(report.get("dead_bytes_per_job").asDouble()).isBetween(2 * 150.0, 2 * 1_000.0);
        for (String latency : new String[] {"latency_ms", "latency_other_process_ms"}) {
            assertGrowing(report.get(latency));
        }
        assertGrowing(report.get("half_load").get("latency_ms"));
        assertThat(report.get("half_load").get("offered_per_second").asDouble())
                .isCloseTo(
                        report.get("half_load").get("reached_per_second").asDouble() / 2,
                        Percentage.withPercentage(60));
        assertNothingLost(report);
        JsonNode limit = report.get("limit");
        for (String share : new String[] {
            "single_1_share",
            "single_8_share",
            "enqueue_share",
            "work_share",
            "enqueue_share_of_narrow",
            "work_share_of_narrow"
        }) {
            assertThat(limit.get(share).asDouble()).as(share).isPositive();
        }
        assertThat(report.get("runs").get("work_per_second")).hasSize(2);
        assertThat(report.get("settings").get("fsync").asString()).isIn("on", "off");
        assertThat(report.get("settings").get("scenarios")).hasSize(3);
        assertThat(database.queryString("SELECT string_agg(kind, ' ') FROM job"))
                .isEqualTo("of_somebody_else");
        assertThat(benchSchemas()).isEmpty();
    }

    @Test
    void bench_jobsOfEverySort_areNeitherLostNorRunTwice() {
        JsonNode report = bench(
                "--scenario",
                "work,steady",
                "--retries",
                "20",
                "--scheduled",
                "20",
                "--priorities",
                "50",
                "--unique",
                "20",
                "--args-bytes",
                "500",
                "--slots",
                "4",
                "--rate",
                "500",
                "--batch",
                "10");

        assertNothingLost(report);
        assertThat(report.has("enqueue_single_1_per_second")).isFalse();
        assertThat(report.has("latency_ms")).isFalse();
        assertThat(report.get("steady").get("offered_per_second").asInt()).isEqualTo(500);
        assertGrowing(report.get("steady").get("latency_ms"));
        assertThat(report.get("settings").get("retries_percent").asInt()).isEqualTo(20);
    }

    @Test
    void bench_heldSnapshotAndBallast_reportFifths_andWorkOnlyTheirShareOfTheBacklog() {
        JsonNode report = bench(
                "--scenario",
                "work",
                "--backlog",
                "5000",
                "--held-snapshot",
                "--history",
                "3000",
                "--running",
                "2000",
                "--future",
                "1000",
                "--limit");

        assertNothingLost(report);
        assertThat(report.get("work_fifths_per_second")).hasSize(5).allMatch(fifth -> fifth.asDouble() > 0);
        assertThat(report.get("settings").get("backlog").asInt()).isEqualTo(5_000);
        assertThat(report.get("limit").get("work_per_second").asDouble()).isPositive();
    }

    @Test
    void bench_workerProcessesWithoutHistory_countTogether() {
        JsonNode report = bench("--scenario", "work,steady", "--processes", "2", "--no-history");

        assertNothingLost(report);
        assertThat(report.get("work_per_second").asDouble()).isPositive();
        assertThat(report.get("worker_cpu_seconds_per_1000_jobs").asDouble()).isPositive();
        assertThat(report.get("steady").get("work_per_second").asDouble()).isPositive();
    }

    @Test
    void bench_withoutJson_isATable() {
        Outcome bench = run("bench", "--scenario", "work", "--jobs", "2000", "--runs", "2");

        assertThat(bench.status()).as(bench.err()).isZero();
        assertThat(bench.out()).contains("work_per_second", "work_fifths_per_second", "server_version");
        assertThat(bench.err()).contains("bench: working off 2000 jobs");
    }

    @Test
    void bench_schemaOfSomebodyElse_isLeftAlone_butOneOfAKilledRunIsNot() {
        database.execute("CREATE SCHEMA taken_bench");
        run("bench", "--schema", "taken").failed(1, "\"taken_bench\" is there and not of a benchmark");
        assertThat(benchSchemas()).isEqualTo("taken_bench");

        database.execute("COMMENT ON SCHEMA taken_bench IS 'Made by millrace bench, which removes it'");
        assertNothingLost(bench("--schema", "taken", "--scenario", "work"));
        assertThat(benchSchemas()).isEmpty();
    }

    @Test
    void bench_besideAnother_isRefused() throws SQLException {
        try (Connection other = database.dataSource().getConnection();
                Statement lock = other.createStatement()) {
            lock.execute("SELECT pg_advisory_lock(hashtext('millrace bench'), hashtext('millrace_bench'))");
            run("bench").failed(1, "Another benchmark runs in schema \"millrace_bench\"");
        }
    }

    @Test
    void benchProcess_poolerThatTheCommandLineDenies_isDeniedThereToo() {
        Map<String, String> environment = Map.of("MILLRACE_POOLER", "true");
        CommonOptions options = new CommonOptions();
        options.pooler = false;
        ProcessBuilder program = BenchProcessCommand.program(
                options, environment, Database.of(database.url()).withSchema(database.schema()));

        assertThat(program.command()).endsWith(BenchProcessCommand.NAME, "--pooler=false");
        CommonOptions parsed = new CommonOptions();
        CommandLine line = new CommandLine(parsed);
        line.setDefaultValueProvider(new Configuration(new String[0], environment, () -> line));
        line.parseArgs("--pooler=false");
        assertThat(parsed.pooler).isFalse();
    }

    @Test
    void bench_badNumbers_areStatus2() {
        run("bench", "--jobs", "0").failed(2, "jobs 0 is out of range: 1 to 50000000");
        run("bench", "--args-bytes", "3").failed(2, "args bytes 3 is out of range");
        run("bench", "--backlog", "10").failed(2, "backlog 10 is out of range: 100000 to");
        run("bench", "--retries", "101").failed(2, "percent of retries 101 is out of range");
        run("bench", "--scenario", "sleep").failed(2, "--scenario");
    }

    private static void assertNothingLost(JsonNode report) {
        assertThat(report.get("lost").asInt()).isZero();
        assertThat(report.get("duplicates").asInt()).isZero();
        assertThat(report.get("stalled").asInt()).isZero();
    }

    private static void assertGrowing(JsonNode latencies) {
        double[] values = Arrays.stream(new String[] {"p50", "p95", "p99", "max"})
                .mapToDouble(name -> latencies.get(name).asDouble())
                .toArray();
        assertThat(values).isSorted();
        assertThat(values[0]).isPositive();
    }

    private String benchSchemas() {
        return String.valueOf(database.queryString(
                "SELECT coalesce(string_agg(nspname, ' '), '') FROM pg_namespace WHERE nspname LIKE '%\\_bench'"));
    }

    private JsonNode bench(String... more) {
        List<String> words = new ArrayList<>(SMALL);
        for (String word : more) {
            // What is said again takes the place of what was said before.
            if (words.contains(word) && word.startsWith("--")) {
                int at = words.indexOf(word);
                words.subList(at, at + 2).clear();
            }
            words.add(word);
        }
        Outcome bench = run(words.toArray(new String[0]));
        assertThat(bench.status()).as(bench.err()).isZero();
        return JsonText.JSON.readTree(bench.out());
    }

    private Outcome run(String... args) {
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), args);
    }
}
