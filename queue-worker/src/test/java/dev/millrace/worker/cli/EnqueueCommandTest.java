package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class EnqueueCommandTest {

    private final TestDatabase database;

    EnqueueCommandTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, unique_key");
    }

    @Test
    void enqueue_kindAlone_isOneJobWithTheDefaults() {
        long id = Long.parseLong(run("enqueue", "mail").done().out().strip());

        assertThat(
                        database.query(
                                "SELECT id, kind, args::text, queue, priority, max_attempts, state, timeout, tags, metadata FROM job"))
                .singleElement()
                .satisfies(job -> assertThat(job)
                        .containsEntry("id", id)
                        .containsEntry("kind", "mail")
                        .containsEntry("args", "{}")
                        .containsEntry("queue", "default")
                        .containsEntry("priority", 2)
                        .containsEntry("max_attempts", 25)
                        .containsEntry("state", "available")
                        .containsEntry("timeout", null)
                        .containsEntry("tags", null)
                        .containsEntry("metadata", null));
    }

    @Test
    void enqueue_json_isOneObject() {
        assertThat(run("enqueue", "mail", "--unique-by", "kind", "--json")
                        .done()
                        .out())
                .matches("\\{\"id\":\\d+,\"outcome\":\"inserted\"}\n");
        assertThat(run("enqueue", "mail", "--unique-by", "kind", "--json")
                        .done()
                        .out())
                .matches("\\{\"id\":\\d+,\"outcome\":\"skipped\"}\n");
        assertThat(Outcome.piped(
                                Map.of("MILLRACE_DATABASE_URL", database.url()),
                                "{\"kind\": \"a\"}\n{\"kind\": \"a\"}\n",
                                "enqueue",
                                "--stdin",
                                "--print-ids",
                                "--json")
                        .done()
                        .out())
                .matches("\\{\"jobs\":2,\"ids\":\\[\\d+,\\d+]}\n");
    }

    @Test
    void enqueue_allOptions_areTakenOver() {
        run(
                        "enqueue",
                        "mail",
                        "--args",
                        "{\"n\": 12345678901234567890.10}",
                        "--queue",
                        "q",
                        "--priority",
                        "1",
                        "--in",
                        "1h",
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
                        "exponential 1s 2 1h")
                .done();

        assertThat(database.queryString("""
                SELECT concat_ws('|', args, queue, priority, max_attempts, state, timeout, tags, metadata, retry_policy,
                                 scheduled_at - created_at BETWEEN interval '59 minutes' AND interval '61 minutes') FROM job"""))
                .isEqualTo(
                        "{\"n\": 12345678901234567890.10}|q|1|3|scheduled|00:01:30|{a,\"b c\"}|{\"m\": \"ä\"}|exponential 1s 2.0 1h|t");
    }

    @Test
    void enqueue_unique_saysWhoHoldsTheKey() {
        String id = run("enqueue", "sync", "--args", "{\"customer\":7,\"n\":1}", "--unique-by", "args.customer")
                .done()
                .out();

        Outcome skipped = run("enqueue", "sync", "--args", "{\"customer\":7,\"n\":2}", "--unique-by", "args.customer");
        assertThat(skipped.status()).isZero();
        assertThat(skipped.out()).isEqualTo(id);
        assertThat(skipped.err())
                .contains("Not inserted: job " + id.strip() + " holds the unique key, and was left as it is");

        Outcome replaced = run(
                "enqueue",
                "sync",
                "--args",
                "{\"customer\":7,\"n\":3}",
                "--unique-by",
                "args.customer",
                "--on-conflict",
                "replace");
        assertThat(replaced.out()).isEqualTo(id);
        assertThat(replaced.err()).contains("holds the unique key, and was changed");
        assertThat(database.queryString("SELECT args ->> 'n' FROM job")).isEqualTo("3");
    }

    @Test
    void enqueue_uniqueOptionsThatMakeNoSense_areStatus2() {
        run("enqueue", "k", "--unique-by", "nonsense").failed(2, "unique by 'nonsense' is not known");
        run("enqueue", "k", "--unique-by", "args,word=w").failed(2, "is not possible");
        run("enqueue", "k", "--unique-for", "1h").failed(2, "Give --unique-by");
        run("enqueue", "k", "--unique-by", "args", "--on-conflict", "x").failed(2, "use skip, replace or debounce");
        run("enqueue", "k", "--unique-by", "args", "--replace", "args").failed(2, "not that a conflict replaces");
        run("enqueue", "k", "--unique-by", "args", "--unique-states", "x").failed(2, "State 'x' is not known");
    }

    @Test
    void stdin_uniqueLines_areEnqueuedOnce() {
        String line =
                "{\"kind\":\"k\",\"args\":{\"a\":1},\"unique\":{\"by\":[\"args\"],\"for\":\"1h\",\"states\":[\"running\",\"completed\"]}}\n";

        assertThat(piped(line + line).done().out()).isEqualToIgnoringNewLines("1 job enqueued");
        assertThat(database.queryString("SELECT unique_states::text FROM job")).contains("running", "completed");
    }

    @Test
    void enqueue_argsThatTheDatabaseRefuses_isStatus1() {
        run("enqueue", "mail", "--args", "\"\\ud800\"").failed(1, "The database refused the job of kind mail");
        run("enqueue", "mail", "--args", "\"\\u0000\"").failed(1, "NUL");
        run("enqueue", "mail", "--args", "\"12345\"", "--max-args-bytes", "6").failed(1, "7 bytes, the limit is 6");
        assertThat(jobs()).isZero();
    }

    @Test
    void stdin_lines_areAllEnqueuedAndCounted() {
        String lines =
                "{\"kind\":\"mail\",\"args\":{\"to\":\"ä😀\",\"n\":0.10000000000000000000000000000001}}\n\n{\"kind\":\"later\",\"in\":\"1h\"}\n";

        assertThat(piped(lines).done().out().strip()).isEqualTo("2 jobs enqueued");
        assertThat(database.queryString(
                        "SELECT string_agg(concat_ws('|', kind, args, state), ' ' ORDER BY id) FROM job"))
                .isEqualTo(
                        "mail|{\"n\": 0.10000000000000000000000000000001, \"to\": \"ä😀\"}|available later|{}|scheduled");
    }

    @Test
    void stdin_noLines_isDoneWithNothing() {
        assertThat(piped("").done().out().strip()).isEqualTo("0 jobs enqueued");
    }

    @Test
    void stdin_oneLine_isCountedInTheSingular() {
        assertThat(piped("{\"kind\":\"mail\"}").done().out().strip()).isEqualTo("1 job enqueued");
    }

    @Test
    void stdin_printIds_areThoseOfTheJobsInOrder() {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 7_000; i++) {
            lines.append("{\"kind\":\"k\",\"args\":").append(i).append("}\n");
        }

        List<Long> printed = piped(lines.toString(), "--print-ids")
                .done()
                .out()
                .lines()
                .map(Long::valueOf)
                .toList();

        assertThat(printed)
                .isEqualTo(database.query("SELECT id FROM job ORDER BY args::text::int").stream()
                        .map(row -> row.get("id"))
                        .toList())
                .hasSize(7_000);
    }

    @Test
    void stdin_badLineInALaterChunk_enqueuesNothing() {
        piped("{\"kind\":\"k\"}\n".repeat(6_000) + "{\"kind\":\"k\",\"priority\":9}\n"
                        + "{\"kind\":\"k\"}\n".repeat(6_000))
                .failed(1, "Line 6001 is not a job, nothing was enqueued: Priority 9 is out of range");
        assertThat(jobs()).isZero();
    }

    @Test
    void stdin_jobThatOnlyTheDatabaseRefuses_namesItsLines() {
        piped("{\"kind\":\"k\"}\n\n{\"kind\":\"k\",\"args\":1e400000}\n")
                .failed(1, "Lines 1 to 3 were not enqueued, nor was any other line");
        assertThat(jobs()).isZero();
    }

    @Test
    void enqueue_schemaWithoutTables_isStatus4() {
        run("enqueue", "mail", "--schema", "nothing")
                .failed(4, "Schema \"nothing\" has no job tables: run the migrate command");
        piped("{\"kind\":\"mail\"}", "--schema", "nothing").failed(4, "has no job tables");
    }

    private long jobs() {
        return database.queryLong("SELECT count(*) FROM job");
    }

    private Outcome piped(String in, String... more) {
        String[] args = new String[more.length + 2];
        args[0] = "enqueue";
        args[1] = "--stdin";
        System.arraycopy(more, 0, args, 2, more.length);
        return Outcome.piped(environment(), in, args);
    }

    private Outcome run(String... args) {
        return Outcome.of(environment(), args);
    }

    private Map<String, String> environment() {
        return Map.of("MILLRACE_DATABASE_URL", database.url());
    }
}
