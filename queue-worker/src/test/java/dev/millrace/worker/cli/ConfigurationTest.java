package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

class ConfigurationTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "flag, variable, file, flag",
        "flag, variable,     , flag",
        "flag,         , file, flag",
        "    , variable, file, variable",
        "    , variable,     , variable",
        "    , ' '     , file, file",
        "    ,         , file, file",
        "    ,         ,     , millrace"
    })
    void value_fromSeveralPlaces_isThatOfTheFirst(
            @Nullable String flag, @Nullable String variable, @Nullable String file, String expected)
            throws IOException {
        Map<String, String> environment = new HashMap<>();
        if (variable != null) {
            environment.put("MILLRACE_SCHEMA", variable);
        }
        if (file != null) {
            environment.put("MILLRACE_CONFIG", file("schema=" + file).toString());
        }

        Outcome outcome = flag == null
                ? Outcome.of(environment, "migrate", "--sql")
                : Outcome.of(environment, "migrate", "--sql", "--schema", flag);

        assertThat(outcome.done().out()).contains("CREATE SCHEMA IF NOT EXISTS \"" + expected + "\";");
    }

    @Test
    void config_flagAndEnvironment_flagWins() throws IOException {
        Path other = Files.writeString(folder.resolve("other"), "schema=other");
        Map<String, String> environment =
                Map.of("MILLRACE_CONFIG", file("schema=one").toString());

        assertThat(Outcome.of(environment, "migrate", "--sql", "--config", other.toString())
                        .done()
                        .out())
                .contains("\"other\"");
    }

    @Test
    void value_ofOneCommand_isNotThatOfAnother() throws IOException {
        Map<String, String> environment = Map.of("MILLRACE_WORK_QUEUE", "mail=3");

        assertThat(parsed(environment, "work", "--handlers", "x").get("--queue"))
                .hasToString("[QueueSlots[queue=mail, slots=3]]");
        assertThat(parsed(environment, "enqueue", "k").get("--queue")).isNull();
        assertThat(parsed(environment, "jobs", "list").get("--queue")).isEqualTo(List.of());
    }

    @Test
    void values_ofMany_areSeparatedByCommasAndReplacedByFlags() throws IOException {
        Map<String, String> environment = Map.of(
                "MILLRACE_CONFIG",
                file("work.queue=a=1,b=2", "work.handlers=one.jar,two.jar", "work.lowest-share=a=0.1")
                        .toString());

        assertThat(parsed(environment, "work"))
                .hasEntrySatisfying(
                        "--queue",
                        queues -> assertThat(queues).isEqualTo(List.of(new QueueSlots("a", 1), new QueueSlots("b", 2))))
                .containsEntry("--handlers", List.of(Path.of("one.jar"), Path.of("two.jar")))
                .containsEntry("--lowest-share", Map.of("a", 0.1));
        assertThat(parsed(environment, "work", "--queue", "c=3").get("--queue"))
                .isEqualTo(List.of(new QueueSlots("c", 3)));
    }

    @Test
    void switch_thatTheFileTurnsOn_isLeftOnAndTurnedOffByFlags() throws IOException {
        Map<String, String> environment = Map.of("MILLRACE_POOLER", "true");

        assertThat(parsed(environment, "doctor").get("--pooler")).isEqualTo(true);
        assertThat(parsed(environment, "doctor", "--pooler").get("--pooler")).isEqualTo(true);
        assertThat(parsed(environment, "doctor", "--pooler=false").get("--pooler"))
                .isEqualTo(false);
        assertThat(parsed(Map.of("MILLRACE_POOLER", "false"), "doctor").get("--pooler"))
                .isEqualTo(false);
        assertThat(parsed(Map.of(), "doctor").get("--pooler")).isEqualTo(false);
    }

    @Test
    void value_withWhatLooksLikeAVariable_isTakenAsItIs() {
        String url = "postgresql://u:${env:HOME}$x$$@h/db";

        assertThat(parsed(Map.of("MILLRACE_DATABASE_URL", url), "doctor").get("--database-url"))
                .isEqualTo(url);
    }

    @Test
    void file_asPropertiesAreWritten_isRead() throws IOException {
        Path file = file("# a comment", "! another \\", "", "  schema : \\", "    ä\\u00e4\\\\ ", "log-format json");

        assertThat(parsed(Map.of("MILLRACE_CONFIG", file.toString()), "doctor"))
                .containsEntry("--schema", "ää\\ ")
                .containsEntry("--log-format", CommonOptions.LogFormat.json);
    }

    @ParameterizedTest
    @CsvSource({
        "'# c\nschena=hush', 'line 2: there is no option ''schena'', is schema meant?'",
        "'a=b \\\n c\nwork.queus=hush', 'line 1: there is no option ''a'''",
        "'schema=x\\\ny\nwork.queus=hush', 'line 3: there is no option ''work.queus'', is work.queue meant?'",
        "'grace=hush', 'line 1: there is no option ''grace'', is work.grace meant?'",
        "'jobs.list.limits=hush', 'is jobs.list.limit meant?'",
        "'elsewhere.altogether=hush', 'line 1: there is no option ''elsewhere.altogether'''",
        "'config=hush', 'line 1: there is no option ''config'''",
        "'schema=a\nschema=hush', 'line 2: ''schema'' was given in line 1 already'",
        "'schema=\\uhush', 'line 1: an escape'",
    })
    void file_withAWrongLine_isUsageThatNamesItWithoutTheValue(String text, String sentence) throws IOException {
        Path file = file(text);

        Outcome.of(Map.of(), "migrate", "--sql", "--config", file.toString())
                .failed(2, file + ", " + (sentence.startsWith("line") ? sentence : "line 1"))
                .failed(2, sentence)
                .without("hush");
    }

    @Test
    void file_thatIsNotThere_isUsage() {
        Outcome.of(Map.of("MILLRACE_CONFIG", "/does/not/exist"), "migrate", "--sql")
                .failed(2, "Configuration file /does/not/exist can't be read");
    }

    @Test
    void help_withABrokenFile_isShown() {
        assertThat(Outcome.of(Map.of("MILLRACE_CONFIG", "/does/not/exist"), "work", "--help")
                        .done()
                        .out())
                .contains("MILLRACE_WORK_HANDLERS", "names, as work.", "--config");
    }

    @Test
    void value_thatIsWrong_isUsageThatSaysWhereItIsFrom() throws IOException {
        Outcome.of(Map.of("MILLRACE_WORK_GRACE", "soon", "MILLRACE_WORK_HANDLERS", "x"), "work")
                .failed(2, "(from MILLRACE_WORK_GRACE)");
        Path file = file("work.handlers=x", "work.pool-size=many");
        Outcome.of(Map.of(), "work", "--config", file.toString()).failed(2, "(from " + file + ", line 2)");
        assertThat(Outcome.of(Map.of("MILLRACE_WORK_GRACE", "1s"), "work", "--grace", "soon")
                        .failed(2, "'--grace'")
                        .err())
                .doesNotContain("from");
    }

    @Test
    void verbose_fromTheEnvironment_showsStackTraces() {
        Outcome outcome =
                Outcome.of(Map.of("MILLRACE_VERBOSE", "true", "MILLRACE_SCHEMA", "pg_jobs"), "migrate", "--sql");

        assertThat(outcome.err()).contains("\tat dev.millrace.");
    }

    private Path file(String... lines) throws IOException {
        return Files.write(folder.resolve("millrace.properties"), List.of(lines));
    }

    /** Values of all options of a command. */
    private static Map<String, @Nullable Object> parsed(Map<String, String> environment, String... args) {
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                new PrintWriter(Writer.nullWriter()),
                new PrintWriter(Writer.nullWriter()),
                environment,
                Outcome.UNCHANGED,
                false);
        CommandLine commands = Main.commandLine(terminal);
        commands.setDefaultValueProvider(new Configuration(args, environment, () -> Main.commandLine(terminal)));
        ParseResult result = commands.parseArgs(args);
        while (result.hasSubcommand()) {
            result = result.subcommand();
        }
        Map<String, @Nullable Object> values = new HashMap<>();
        for (OptionSpec option : result.commandSpec().options()) {
            values.put(option.longestName(), option.getValue());
        }
        return values;
    }
}
