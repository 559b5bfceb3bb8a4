package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** That the benchmark measures what it says and leaves nothing behind; the figures themselves are for a quiet machine. */
@PostgresTest
class BenchCommandTest {

    private final TestDatabase database;

    BenchCommandTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void bench_json_hasEveryFigure_andNothingIsLeft() {
        database.execute("INSERT INTO job (kind) VALUES ('of_somebody_else')");

        Outcome bench =
                run("bench", "--jobs", "2000", "--single-jobs", "80", "--latency-samples", "20", "--limit", "--json");

        assertThat(bench.status()).as(bench.err()).isZero();
        JsonNode report = JsonText.JSON.readTree(bench.out());
        for (String figure : new String[] {
            "enqueue_per_second",
            "enqueue_single_1_per_second",
            "enqueue_single_8_per_second",
            "work_per_second",
            "wal_bytes_per_job"
        }) {
            assertThat(report.get(figure).asDouble()).as(figure).isPositive();
        }
        for (String figure : new String[] {"p50", "p95", "p99", "max"}) {
            assertThat(report.get("latency_ms").get(figure).asDouble())
                    .as(figure)
                    .isPositive();
        }
        assertThat(report.get("lost").asInt()).isZero();
        assertThat(report.get("duplicates").asInt()).isZero();
        assertThat(report.get("limit").get("work_share").asDouble()).isPositive();
        assertThat(report.get("settings").get("fsync").asString()).isIn("on", "off");
        assertThat(database.queryString("SELECT string_agg(kind, ' ') FROM job"))
                .isEqualTo("of_somebody_else");
    }

    @Test
    void bench_badNumbers_areStatus2() {
        run("bench", "--jobs", "0").failed(2, "jobs 0 is out of range: 1 to 50000000");
        run("bench", "--args-bytes", "3").failed(2, "args bytes 3 is out of range");
    }

    private Outcome run(String... args) {
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), args);
    }
}
