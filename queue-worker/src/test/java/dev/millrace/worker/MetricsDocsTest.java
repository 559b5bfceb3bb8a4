package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.metrics.MillraceMetrics;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What docs/metrics.md and the dashboard name is what a real worker shows, no more and no less. */
@PostgresTest
class MetricsDocsTest {

    private static final Pattern ROW = Pattern.compile(
            "\\| `(millrace\\.[a-z.]+)` \\| `(millrace_\\w+)` \\| (counter|gauge|timer)[^|]* \\| ([^|]*)\\|.*");

    private final TestDatabase database;
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private WorkerRig rig;

    /** What one row says, or one meter is. */
    private record Described(String prometheus, String type, Set<String> tags) {}

    MetricsDocsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void work() {
        rig = new WorkerRig(database);
        MillraceMetrics metrics = new MillraceMetrics(registry);
        rig.enqueue(1);
        Worker worker = rig.start(rig.worker().meter(metrics).handle(NUMBER, (job, number) -> {}));
        metrics.bind(worker).bind(rig.millrace());
        rig.awaitState("completed", 1);
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
    }

    @Test
    void table_isWhatAWorkerShows() throws IOException {
        Map<String, Described> documented = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of("../docs/metrics.md"))) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                Set<String> tags = row.group(4).isBlank()
                        ? Set.of()
                        : Set.of(row.group(4).strip().split(", "));
                Described before =
                        documented.put(row.group(1), new Described(row.group(2), row.group(3), new TreeSet<>(tags)));
                assertThat(before).as("%s is there once", row.group(1)).isNull();
            }
        }
        Set<String> families = families();
        Map<String, Described> shown = new TreeMap<>();
        for (Meter meter : registry.getMeters()) {
            Meter.Id id = meter.getId();
            String prometheus = registry.config()
                    .namingConvention()
                    .name(id.getName(), id.getType(), id.getBaseUnit())
                    .replaceAll("$", id.getType() == Meter.Type.COUNTER ? "_total" : "")
                    .replace("_total_total", "_total");
            assertThat(families).contains(prometheus);
            shown.put(
                    id.getName(),
                    new Described(
                            prometheus,
                            id.getType().name().toLowerCase(Locale.ROOT),
                            id.getTags().stream().map(Tag::getKey).collect(Collectors.toCollection(TreeSet::new))));
        }
        assertThat(documented).isEqualTo(shown);
    }

    @Test
    void scrape_everyFamily_saysWhatItIs() {
        assertThat(registry.scrape().lines().filter(line -> line.startsWith("# HELP millrace_")))
                .hasSameSizeAs(families())
                .allSatisfy(line -> assertThat(line).matches("# HELP \\w+ \\S.{5,}"));
    }

    @Test
    void dashboard_isJsonAndAsksForWhatIsThere() throws IOException {
        String text = Files.readString(Path.of("../examples/deploy/grafana-dashboard.json"));
        JsonNode dashboard = JsonMapper.shared().readTree(text);
        Set<String> samples = registry.scrape()
                .lines()
                .filter(line -> !line.startsWith("#"))
                .map(line -> line.replaceAll("[{ ].*", ""))
                .collect(Collectors.toSet());

        Matcher name = Pattern.compile("millrace_\\w+").matcher(text);
        Set<String> asked = new TreeSet<>();
        while (name.find()) {
            asked.add(name.group());
        }

        assertThat(dashboard.path("panels").size()).isPositive();
        assertThat(asked).isNotEmpty().isSubsetOf(samples);
    }

    /** Names after TYPE in the text that is scraped. */
    private Set<String> families() {
        return registry.scrape()
                .lines()
                .filter(line -> line.startsWith("# TYPE millrace_"))
                .map(line -> line.split(" ")[2])
                .collect(Collectors.toSet());
    }
}
