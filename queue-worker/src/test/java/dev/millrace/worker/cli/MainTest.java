package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What needs no database: help, and wrong usage. */
class MainTest {

    private static final Map<String, String> SECRET_URL =
            Map.of("MILLRACE_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/db");

    @Test
    void run_help_namesAllCommands() {
        assertThat(Outcome.of(Map.of(), "--help").done().out())
                .contains("migrate", "work", "enqueue", "periodic", "Exit status");
    }

    static Stream<String> commands() {
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                new PrintWriter(Writer.nullWriter()),
                new PrintWriter(Writer.nullWriter()),
                Map.of(),
                Outcome.UNCHANGED,
                false);
        return below(Main.commandLine(terminal));
    }

    private static Stream<String> below(CommandLine parent) {
        return parent.getSubcommands().values().stream()
                .filter(command -> !command.getCommandSpec().usageMessage().hidden())
                .flatMap(command -> Stream.concat(
                        Stream.of(command.getCommandSpec().qualifiedName().replaceFirst("millrace ", "")),
                        below(command)));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void run_helpOfACommand_hasExamplesAndNoSecret(String command) {
        Outcome help =
                Outcome.of(SECRET_URL, (command + " --help").split(" ")).done().without("hush");

        assertThat(help.out())
                .containsPattern("(?m)^  .*\\bmillrace " + command + "( |$)")
                .doesNotContain("\u001b");
    }

    static Stream<String> commandsForTheDatabase() {
        return commands()
                .filter(command -> !List.of("jobs", "periodic", "completion").contains(command));
    }

    @ParameterizedTest
    @MethodSource("commandsForTheDatabase")
    void run_helpOfACommandForTheDatabase_hasCommonOptions(String command) {
        assertThat(Outcome.of(Map.of(), (command + " --help").split(" ")).done().out())
                .contains(
                        "--database-url",
                        "MILLRACE_DATABASE_URL",
                        "--schema",
                        "--config",
                        "--color",
                        "--log-format",
                        "--verbose");
    }

    @Test
    void run_commands_areAllFound() {
        assertThat(commands())
                .contains("migrate", "work", "jobs", "jobs redrive", "periodic disable", "completion")
                .hasSizeGreaterThan(20);
    }

    @Test
    void run_color_isOnATerminalOrWhereAskedFor() {
        Map<String, String> noColor = Map.of("NO_COLOR", "1");

        assertThat(Outcome.of(Map.of(), "doctor", "--help").out()).doesNotContain("\u001b[");
        assertThat(Outcome.answered(Map.of(), "", "doctor", "--help").out()).contains("\u001b[");
        assertThat(Outcome.answered(noColor, "", "doctor", "--help").out()).doesNotContain("\u001b[");
        assertThat(Outcome.answered(Map.of("TERM", "dumb"), "", "doctor", "--help")
                        .out())
                .doesNotContain("\u001b[");
        assertThat(Outcome.of(noColor, "doctor", "--help", "--color", "always").out())
                .contains("\u001b[");
        assertThat(Outcome.answered(Map.of(), "", "doctor", "--color=never", "--help")
                        .out())
                .doesNotContain("\u001b[");
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
                .failed(2, "Name a command: migrate, work, enqueue, jobs, queues, periodic, bench, doctor, completion");
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
                "migrate --sql --json",
                "migrate --color blue",
                "completion",
                "completion tcsh",
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
