package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

@PostgresTest
class PeriodicCommandTest {

    private final TestDatabase database;

    PeriodicCommandTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, periodic");
    }

    @Test
    void add_cron_isKeptAndItsNextTicksAreShown() {
        assertThat(run("add", "report", "daily_report", "--cron", "0 9 * * *")
                        .done()
                        .out())
                .matches("Periodic job report added, next (\\d{4}-\\d\\d-\\d\\dT09:00:00Z(, |\\R)){3}");

        assertThat(
                        database.queryString(
                                "SELECT concat_ws('|', name, schedule, zone, kind, args, queue, priority, max_attempts, missed, source, paused_at) FROM periodic"))
                .isEqualTo("report|cron 0 9 * * *|UTC|daily_report|{}|default|2|25|one|database");
    }

    @Test
    void add_allOptions_areTakenOver() {
        run(
                        "add",
                        "report",
                        "k",
                        "--cron",
                        "@daily",
                        "--zone",
                        "Europe/Berlin",
                        "--missed",
                        "ALL",
                        "--args",
                        "{\"n\": 0.10}",
                        "--queue",
                        "q",
                        "--priority",
                        "1",
                        "--max-attempts",
                        "3",
                        "--timeout",
                        "90s",
                        "--tag",
                        "a",
                        "--tag",
                        "b c",
                        "--metadata",
                        "{\"m\": \"ä\"}",
                        "--retry-policy",
                        "fixed 10s")
                .done();

        assertThat(
                        database.queryString(
                                "SELECT concat_ws('|', schedule, zone, args, queue, priority, max_attempts, timeout, tags, metadata, retry_policy, missed) FROM periodic"))
                .isEqualTo(
                        "cron @daily|Europe/Berlin|{\"n\": 0.10}|q|1|3|00:01:30|{a,\"b c\"}|{\"m\": \"ä\"}|fixed 10s|all");
    }

    @Test
    void add_again_replacesOrLeavesAsItIs() {
        run("add", "n", "k", "--every", "15m").done();
        assertThat(run("add", "n", "k", "--every", "PT15M").done().out()).startsWith("Periodic job n unchanged, next ");
        JsonNode answer = json("add", "n", "k", "--every", "1h", "--json");
        assertThat(answer.get("outcome").asString()).isEqualTo("replaced");
        assertThat(answer.get("next_ticks").size()).isEqualTo(3);
        assertThat(database.queryString("SELECT schedule FROM periodic")).isEqualTo("every PT1H");
    }

    @Test
    void add_definedInCode_isRefused() {
        database.execute("SELECT add_periodic('n', 'every 1h', 'k', source => 'code')");

        run("add", "n", "other", "--every", "1h")
                .failed(1, "Periodic job 'n' is defined in code, which would change it back");
        assertThat(database.queryString("SELECT kind FROM periodic")).isEqualTo("k");
    }

    @Test
    void add_badCron_isUsageThatSaysWhere() {
        run("add", "n", "k", "--cron", "0 25 * * *")
                .failed(2, "Cron expression '0 25 * * *': '25' in the field hour is not possible, allowed is 0 to 23");
        run("add", "n", "k", "--cron", "0 0 30 2 *").failed(2, "never comes true");
    }

    @Test
    void list_table_showsStateAndError() {
        database.execute("""
                SELECT add_periodic('a', 'cron 0 9 * * MON-FRI', 'k', zone => 'Europe/Berlin'), add_periodic('b', 'every 1h', 'k'), disable_periodic('b');
                INSERT INTO periodic (name, schedule, kind, error, last_tick_at) VALUES ('c', 'every so', 'k', E'not\\nunderstood', '2027-01-01Z');
                """);

        assertThat(run("list").done().out().lines())
                .satisfiesExactly(
                        line -> assertThat(line).startsWith("NAME "),
                        line -> assertThat(line)
                                .matches("a +cron 0 9 \\* \\* MON-FRI +Europe/Berlin +k +enabled +- +- +database"),
                        line -> assertThat(line).matches("b +every 1h +UTC +k +disabled +- +- +database"),
                        line -> assertThat(line)
                                .matches(
                                        "c +every so +UTC +k +error +2027-01-01T00:00:00Z +- +database +not understood"));
    }

    @Test
    void list_json_hasAllFields() {
        assertThat(json("list", "--json")).isEmpty();
        database.execute(
                "SELECT add_periodic('a', 'every 1h', 'k', '{\"n\": 0.10}', timeout => '90 s', tags => '{t}')");
        database.execute("UPDATE periodic SET next_tick_at = '2027-01-01T00:00:00Z'");

        assertThat(json("list", "--json"))
                .hasToString(
                        "[{\"name\":\"a\",\"schedule\":\"every 1h\",\"zone\":\"UTC\",\"kind\":\"k\",\"args\":{\"n\":0.10},"
                                + "\"queue\":\"default\",\"priority\":2,\"max_attempts\":25,\"timeout\":\"PT1M30S\",\"tags\":[\"t\"],"
                                + "\"metadata\":null,\"retry_policy\":null,\"missed\":\"one\",\"source\":\"database\",\"enabled\":true,\"last_tick\":null,"
                                + "\"next_tick\":\"2027-01-01T00:00:00Z\",\"error\":null}]");
    }

    @Test
    void run_alsoWhileDisabled_isAJob() {
        database.execute("SELECT add_periodic('a', 'every 1h', 'k', queue => 'q'), disable_periodic('a')");

        long id = Long.parseLong(run("run", "a").done().out().strip());

        assertThat(database.queryString("SELECT concat_ws('|', id, kind, queue, state, metadata) FROM job"))
                .isEqualTo(id + "|k|q|available|{\"periodic\": \"a\"}");
        assertThat(json("run", "a", "--json").get("id").asLong()).isEqualTo(id + 2);
    }

    @Test
    void enableDisableRemove_sayWhatTheyDid() {
        database.execute("SELECT add_periodic('a', 'every 1h', 'k')");

        assertThat(run("disable", "a").done().out().strip()).isEqualTo("Periodic job a disabled");
        assertThat(database.queryLong("SELECT count(*) FROM periodic WHERE paused_at IS NOT NULL"))
                .isOne();
        assertThat(json("enable", "a", "--json")).hasToString("{\"name\":\"a\",\"outcome\":\"enabled\"}");
        assertThat(database.queryLong("SELECT count(*) FROM periodic WHERE paused_at IS NULL"))
                .isOne();
        assertThat(run("remove", "a").done().out().strip()).isEqualTo("Periodic job a removed");
        assertThat(database.queryLong("SELECT count(*) FROM periodic")).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "enable", "disable", "remove"})
    void change_ofWhatIsNotThere_isStatus1(String command) {
        run(command, "nobody").failed(1, "There is no periodic job 'nobody'");
    }

    @Test
    void periodic_schemaWithoutTables_isStatus4() {
        run("list", "--schema", "nothing").failed(4, "Schema \"nothing\" has no job tables: run the migrate command");
    }

    @Test
    void guide_itsCommands_run() throws IOException {
        Pattern word = Pattern.compile("'([^']*)'|\\S+");
        List<String> commands = Files.readString(Path.of("../docs/periodic.md"))
                .lines()
                .filter(line -> line.startsWith("millrace periodic "))
                .map(line -> line.substring("millrace periodic ".length()))
                .toList();
        assertThat(commands).hasSize(7);

        for (String command : commands) {
            run(word.matcher(command)
                            .results()
                            .map(found -> found.group(1) == null ? found.group() : found.group(1))
                            .toArray(String[]::new))
                    .done();
        }

        assertThat(database.queryString("SELECT string_agg(name, ' ') FROM periodic"))
                .isEqualTo("report");
    }

    private JsonNode json(String... args) {
        return JsonText.JSON.readTree(run(args).done().out());
    }

    private Outcome run(String... args) {
        String[] all = new String[args.length + 1];
        all[0] = "periodic";
        System.arraycopy(args, 0, all, 1, args.length);
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), all);
    }
}
