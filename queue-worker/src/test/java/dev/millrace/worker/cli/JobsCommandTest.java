package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

@PostgresTest
class JobsCommandTest {

    private final TestDatabase database;

    JobsCommandTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, unique_key");
    }

    @Test
    void list_table_hasAColumnForEachThing() {
        long first = job("available", "mail");
        long second = job("discarded", "longer_kind");
        database.execute(
                "UPDATE job SET finalized_at = '2026-01-02 03:04:05.6Z', errors = ?::jsonb WHERE id = ?",
                "[{\"type\": \"java.io.IOException\", \"message\": \"evil\\u001b[2Jtext\\nnext\"}]",
                second);
        database.execute("UPDATE job SET scheduled_at = '2026-01-01Z' WHERE id = ?", first);

        assertThat(run("jobs", "list").done().out().lines())
                .containsExactly(
                        pad("ID", first, second)
                                + "STATE      KIND         QUEUE    PRIORITY  ATTEMPT  WHEN                  LAST ERROR",
                        pad(second, first, second)
                                + "discarded  longer_kind  default  2         0/25     2026-01-02T03:04:05Z  java.io.IOException: evil?[2Jtext next",
                        pad(first, first, second)
                                + "available  mail         default  2         0/25     2026-01-01T00:00:00Z");
    }

    @Test
    void list_filtered_showsWhatMatches() {
        job("available", "mail");
        long wanted = job("running", "mail");
        job("running", "other");

        assertThat(ids(run("jobs", "list", "--state", "running,completed", "--kind", "mail", "--json")
                        .done()))
                .containsExactly(wanted);
    }

    @Test
    void list_limited_goesOnWhereItSays() {
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            ids.add(0, job("available", "k"));
        }

        Outcome first = run("jobs", "list", "--limit", "2", "--json");
        assertThat(ids(first)).isEqualTo(ids.subList(0, 2));
        assertThat(first.err().strip()).isEqualTo("More: --after n" + ids.get(1));
        assertThat(run("jobs", "list", "--limit", "2").done().out()).endsWith("More: --after n" + ids.get(1) + "\n");
        assertThat(ids(run("jobs", "list", "--after", "n" + ids.get(1), "--json")
                        .done()))
                .isEqualTo(ids.subList(2, 5));
    }

    @Test
    void list_moreThanAPage_readsOn() {
        database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, 2500)");

        List<Long> ids = ids(run("jobs", "list", "--limit", "2300", "--order", "oldest", "--json"));

        assertThat(ids).hasSize(2_300).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void list_json_hasTheColumns() {
        long id = job("available", "mail");
        database.execute("UPDATE job SET args = '{\"n\": 1.50}', tags = '{a,b}'");

        JsonNode job =
                JsonText.JSON.readTree(run("jobs", "list", "--json").done().out());

        assertThat(job.path("id").asLong()).isEqualTo(id);
        assertThat(job.path("state").asString()).isEqualTo("available");
        assertThat(job.path("args").toString()).isEqualTo("{\"n\":1.50}");
        assertThat(job.path("tags").toString()).isEqualTo("[\"a\",\"b\"]");
        assertThat(job.has("finalized_at")).isFalse();
    }

    @Test
    void show_job_hasArgsAndFailures() {
        long id = job("discarded", "mail");
        database.execute(
                "UPDATE job SET args = '{\"to\": \"ä\"}', output = '[1]', timeout = '90 s', attempt = 1, errors = ?::jsonb",
                "[{\"attempt\": 1, \"at\": \"2026-01-01T00:00:00Z\", \"worker\": \"w\", \"type\": \"T\", \"message\": \"m\", \"trace\": \"T: m\\n\\tat here\\n\"}]");

        assertThat(run("jobs", "show", "" + id).done().out())
                .contains(
                        "id                " + id + "\n",
                        "state             discarded\n",
                        "attempt           1 of 25\n",
                        "timeout           PT1M30S\n",
                        "\nargs\n  {\n    \"to\" : \"ä\"\n  }\n",
                        "\noutput\n",
                        "\nfailed attempt 1 at 2026-01-01T00:00:00Z on w\n  T: m\n  T: m\n      at here\n");
        JsonNode json = JsonText.JSON.readTree(
                run("jobs", "show", "" + id, "--json").done().out());
        assertThat(json.path("failures").path(0).path("trace").asString()).isEqualTo("T: m\n\tat here\n");
    }

    @Test
    void show_unknownId_isStatus1() {
        run("jobs", "show", "-7").failed(1, "There is no job -7");
    }

    @Test
    void count_filtered_isANumber() {
        job("available", "mail");
        job("available", "other");
        assertThat(run("jobs", "count", "--kind", "mail").done().out()).isEqualTo("1\n");
        assertThat(run("jobs", "count", "--estimate").done().out().strip()).containsOnlyDigits();
        assertThat(run("jobs", "count", "--up-to", "1").done().out()).isEqualTo("1\n");
        run("jobs", "count", "--up-to", "1", "--estimate").failed(2, "contradict each other");
    }

    @Test
    void cancel_ids_answersInTheirOrder() {
        long waiting = job("available", "k");
        long running = job("running", "k");

        assertThat(run("jobs", "cancel", "" + running, "" + waiting).done().out())
                .isEqualTo(running + " requested\n" + waiting + " cancelled\n");
        Outcome again = run("jobs", "cancel", "" + waiting, "999999999");
        assertThat(again.status()).isEqualTo(1);
        assertThat(again.out()).isEqualTo(waiting + " final\n999999999 not_found\n");
    }

    @Test
    void cancel_conditionsWithoutATerminal_needYes() {
        job("available", "k");
        run("jobs", "cancel", "--kind", "k").failed(2, "give --yes");
        assertThat(states()).isEqualTo("available");

        assertThat(run("jobs", "cancel", "--kind", "k", "--yes").done().out()).isEqualTo("cancelled 1\n");
        assertThat(run("jobs", "cancel", "--kind", "k", "--state", "available", "--yes")
                        .done()
                        .out())
                .isEqualTo("0 jobs\n");
    }

    @Test
    void delete_atATerminal_asksWithTheCount() {
        job("completed", "k");
        job("completed", "k");

        Outcome no = Outcome.answered(environment(), "n\n", "jobs", "delete", "--all");
        assertThat(no.err()).isEqualTo("Delete 2 jobs? [y/N] ");
        assertThat(no.out()).isEqualTo("Nothing was changed\n");
        assertThat(no.status()).isEqualTo(1);
        assertThat(Outcome.answered(environment(), "", "jobs", "delete", "--all")
                        .status())
                .isEqualTo(1);
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(2);

        Outcome yes = Outcome.answered(environment(), "y\n", "jobs", "delete", "--all", "--limit", "1");
        assertThat(yes.err()).isEqualTo("Delete 1 job? [y/N] \r\u001b[KDelete: 1 jobs\r\u001b[K");
        assertThat(yes.out()).isEqualTo("deleted 1\n");
        assertThat(yes.status()).isZero();
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(1);
    }

    @Test
    void changeAndCount_json_areOneObject() {
        long id = job("available", "k");
        job("available", "other");

        assertThat(run("jobs", "count", "--kind", "k", "--json").done().out()).isEqualTo("{\"count\":1}\n");
        assertThat(run("jobs", "count", "--estimate", "--json").done().out()).startsWith("{\"estimate\":");
        Outcome some = run("jobs", "cancel", String.valueOf(id), "0", "--json");
        assertThat(some.status()).isEqualTo(1);
        assertThat(some.out()).isEqualTo("{\"outcomes\":{\"" + id + "\":\"cancelled\",\"0\":\"not_found\"}}\n");
        assertThat(run("jobs", "cancel", "--kind", "other", "--yes", "--json")
                        .done()
                        .out())
                .isEqualTo("{\"jobs\":1,\"cancelled\":1}\n");
        assertThat(run("jobs", "cancel", "--kind", "none", "--yes", "--json")
                        .done()
                        .out())
                .isEqualTo("{\"jobs\":0}\n");
    }

    @Test
    void list_withColors_hasTheSameColumns() {
        job("discarded", "k\u001b[2J");
        job("available", "long-kind");

        String plain = run("jobs", "list").done().out();
        String colored = run("jobs", "list", "--color", "always").done().out();

        assertThat(plain).doesNotContain("\u001b");
        assertThat(colored).contains("\u001b[31mdiscarded\u001b[0m").doesNotContain("\u001b[2J");
        assertThat(colored.replaceAll("\u001b\\[[0-9]+m", "").replaceAll(" +\n", "\n"))
                .isEqualTo(plain);
    }

    @Test
    void redrive_filtered_retriesDeadLettersOnly() {
        long dead = job("discarded", "mail");
        job("discarded", "other");
        job("completed", "mail");

        assertThat(run("jobs", "redrive", "--kind", "mail", "--yes").done().out())
                .isEqualTo("retried 1\n");
        assertThat(database.queryLong("SELECT id FROM job WHERE state = 'available'"))
                .isEqualTo(dead);
        assertThat(run("jobs", "redrive", "--all", "--yes").done().out()).isEqualTo("retried 1\n");
        assertThat(run("jobs", "retry", "--state", "completed", "--yes").done().out())
                .isEqualTo("retried 1\n");
    }

    @Test
    void edit_everything_isThere() {
        long id = job("scheduled", "k");
        database.execute("UPDATE job SET metadata = '{}', retry_policy = 'fixed 1s'");

        assertThat(run(
                                "jobs",
                                "edit",
                                "" + id,
                                "--set-args",
                                "{\"n\": 1.50}",
                                "--set-queue",
                                "q",
                                "--set-priority",
                                "1",
                                "--set-max-attempts",
                                "3",
                                "--set-at",
                                "2100-01-01T00:00:00Z",
                                "--set-timeout",
                                "90s",
                                "--set-tag",
                                "a",
                                "--set-tag",
                                "b",
                                "--unset",
                                "metadata,retry_policy")
                        .done()
                        .out())
                .isEqualTo(id + " changed\n");
        assertThat(database.queryString("""
                SELECT concat_ws('|', args, queue, priority, max_attempts, state, timeout, tags, metadata, retry_policy,
                                 scheduled_at = '2100-01-01Z') FROM job""")).isEqualTo("{\"n\": 1.50}|q|1|3|scheduled|00:01:30|{a,b}|t");
        run("jobs", "edit", "" + id, "--set-in", "0s", "--set-metadata", "{\"m\": 1}")
                .done();
        assertThat(database.queryString("SELECT state || metadata::text FROM job"))
                .isEqualTo("available{\"m\": 1}");
    }

    @Test
    void jobs_schemaWithoutTables_isStatus4() {
        run("jobs", "list", "--schema", "nothing").failed(4, "has no job tables");
        run("jobs", "cancel", "1", "--schema", "nothing").failed(4, "has no job tables");
    }

    @Test
    void jobs_help_namesTheCommands() {
        assertThat(run("jobs", "--help").done().out())
                .contains("list", "show", "count", "cancel", "retry", "redrive", "edit", "delete");
    }

    private static String pad(Object value, long... ids) {
        int width = 0;
        for (long id : ids) {
            width = Math.max(width, Long.toString(id).length());
        }
        width = Math.max(width, 2);
        return value + " ".repeat(width - value.toString().length() + 2);
    }

    private List<Long> ids(Outcome outcome) {
        return outcome.out()
                .lines()
                .map(line -> JsonText.JSON.readTree(line).path("id").asLong())
                .toList();
    }

    private String states() {
        return String.valueOf(database.queryString("SELECT string_agg(state, ',' ORDER BY id) FROM job"));
    }

    private long job(String state, String kind) {
        return database.queryLong("""
                INSERT INTO job (kind, state, scheduled_at, attempted_by, attempted_at, finalized_at)
                SELECT ?, s, now() + CASE s WHEN 'scheduled' THEN interval '1 h' ELSE '0' END, 'w', now(),
                    CASE WHEN s IN ('completed', 'cancelled', 'discarded') THEN now() END
                FROM (SELECT ?::text AS s) AS state
                RETURNING id""", kind, state);
    }

    private Outcome run(String... args) {
        return Outcome.of(environment(), args);
    }

    private Map<String, String> environment() {
        return Map.of("MILLRACE_DATABASE_URL", database.url());
    }
}
