package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What needs no database: help, and wrong usage. */
class MainTest {

    private static final Map<String, String> SECRET_URL =
            Map.of("MILLRACE_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/db");

    @Test
    void run_help_namesAllCommands() {
        assertThat(Outcome.of(Map.of(), "--help").done().out())
                .contains("migrate", "work", "enqueue", "periodic", "Exit status");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "migrate",
                "work",
                "enqueue",
                "jobs list",
                "jobs show",
                "jobs count",
                "jobs cancel",
                "jobs retry",
                "jobs redrive",
                "jobs edit",
                "jobs delete",
                "periodic list",
                "periodic add",
                "periodic run",
                "periodic enable",
                "periodic disable",
                "periodic remove",
                "queues"
            })
    void run_helpOfACommand_hasCommonOptionsAndExamplesAndNoSecret(String command) {
        Outcome help =
                Outcome.of(SECRET_URL, (command + " --help").split(" ")).done().without("hush");

        assertThat(help.out())
                .contains(
                        "--database-url",
                        "MILLRACE_DATABASE_URL",
                        "--schema",
                        "--log-format",
                        "--verbose",
                        "  millrace " + command + " ");
    }

    @Test
    void run_version_isOneLine() {
        assertThat(Outcome.of(Map.of(), "--version").done().out().lines())
                .hasSize(1)
                .first()
                .asString()
                .startsWith("Millrace ");
    }

    @Test
    void run_withoutCommand_isUsage() {
        Outcome.of(Map.of())
                .failed(2, "Name a command: migrate, work, enqueue, jobs, queues, periodic, bench or doctor");
    }

    @Test
    void run_unknownCommand_isUsage() {
        Outcome.of(Map.of(), "dig").failed(2, "Unknown option or argument 'dig' (see millrace --help)");
    }

    @Test
    void run_misspeltOptionWithUrl_doesNotRepeatIt() {
        Outcome.of(Map.of(), "migrate", "--databse-url=postgresql://u:hush@h/db")
                .failed(2, "Unknown option or argument '--databse-url' (see millrace migrate --help)")
                .without("hush");
        Outcome.of(Map.of(), "migrate", "postgresql://u:hush@h/db")
                .failed(2, "'(a URL)'")
                .without("hush");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hush",
                "mysql://u:hush@h/db",
                "postgresql://u:hush@h:port/db",
                "postgresql://u:hu sh@h",
                "jdbc:postgresql://u:hush@h/db",
                "jdbc:postgresql://u:hush@h:5432/db",
                "jdbc:postgresql://h/db&password=hush",
                "postgresql:/u:hush@h/db",
            })
    void run_urlNotUnderstood_isUsageWithoutItsText(String url) {
        Outcome.of(Map.of(), "migrate", "--database-url", url)
                .failed(2, "The database URL is not understood")
                .without("hush");
        Outcome.of(Map.of("MILLRACE_DATABASE_URL", url), "migrate")
                .failed(2, "The database URL is not understood")
                .without("hush");
    }

    @Test
    void run_withoutUrl_saysHowToGiveIt() {
        Outcome.of(Map.of(), "migrate").failed(2, "No database: give --database-url, or set MILLRACE_DATABASE_URL");
        Outcome.of(Map.of("MILLRACE_DATABASE_URL", " "), "enqueue", "k").failed(2, "No database");
    }

    @Test
    void run_impossibleSchema_isUsage() {
        Outcome.of(SECRET_URL, "migrate", "--schema", "pg_jobs").failed(2, "Schema name 'pg_jobs' is not possible");
        Outcome.of(Map.of("MILLRACE_SCHEMA", "pg_jobs"), "migrate", "--sql")
                .failed(2, "Schema name 'pg_jobs' is not possible");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "enqueue",
                "enqueue k --stdin",
                "enqueue --stdin --queue q",
                "enqueue --stdin --tag t",
                "enqueue k --args {",
                "enqueue k --args",
                "enqueue k --args {}{}",
                "enqueue k --priority 5",
                "enqueue k --priority first",
                "enqueue k --max-attempts 0",
                "enqueue k --in soon",
                "enqueue k --at noon",
                "enqueue k --in 5s --at 2027-01-31T12:00:00Z",
                "enqueue k --timeout 0s",
                "enqueue k --metadata []",
                "enqueue k --max-args-bytes 0",
                "enqueue k --queue=",
                "enqueue k l",
                "periodic",
                "periodic dig",
                "periodic list now",
                "periodic run",
                "periodic add n",
                "periodic add n k",
                "periodic add n k --cron",
                "periodic add n k --every",
                "periodic add n k --every 15m --cron @daily",
                "periodic add n k --every 15m --zone UTC",
                "periodic add n k --every 500ms",
                "periodic add n k --every often",
                "periodic add n k --cron @never",
                "periodic add n k --cron @daily --zone Europe/Atlantis",
                "periodic add n k --cron @daily --missed some",
                "periodic add n k --cron @daily --args {",
                "periodic add n k --cron @daily --priority 5",
                "periodic add n k --cron @daily --metadata []",
                "migrate --status --validate",
                "jobs",
                "jobs dig",
                "jobs list --limit 0",
                "jobs list --state lost",
                "jobs list --after 7",
                "jobs list --args {",
                "jobs list --created-from noon",
                "jobs show",
                "jobs show first",
                "jobs cancel",
                "jobs cancel 1 --kind k",
                "jobs cancel 1 --limit 2",
                "jobs cancel --kind k",
                "jobs cancel --all --kind k",
                "jobs cancel --kind k --limit 0 --yes",
                "jobs retry --kind k --yes",
                "jobs redrive",
                "jobs redrive 1",
                "jobs redrive --state completed --yes",
                "jobs edit 1",
                "jobs edit 1 --set-priority 5",
                "jobs edit 1 --set-in 1s --set-at 2027-01-31T12:00:00Z",
                "jobs edit 1 --set-metadata []",
                "jobs edit 1 --unset kind",
                "jobs edit 1 --set-retry-policy soon",
                "migrate --log-format xml",
                "work",
                "work --handlers /does/not/exist",
            })
    void run_wrongOptions_isUsageInOneSentence(String line) {
        assertThat(Outcome.of(SECRET_URL, line.split(" "))
                        .failed(2, "")
                        .without("hush")
                        .err())
                .isNotBlank();
    }

    @Test
    void run_sql_needsNoDatabase() {
        assertThat(Outcome.of(Map.of(), "migrate", "--sql", "--schema", "odd name")
                        .done()
                        .out())
                .contains("CREATE SCHEMA IF NOT EXISTS \"odd name\";")
                .endsWith("\n");
    }

    @Test
    void run_verboseFailure_hasTheStackTraceToo() {
        Outcome outcome = Outcome.of(SECRET_URL, "migrate", "--verbose", "--schema", "pg_jobs")
                .without("hush");

        assertThat(outcome.status()).isEqualTo(2);
        assertThat(outcome.err())
                .startsWith("Schema name 'pg_jobs' is not possible")
                .contains("\tat dev.millrace.");
    }
}
