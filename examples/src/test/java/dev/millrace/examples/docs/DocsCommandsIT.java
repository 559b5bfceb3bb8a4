package dev.millrace.examples.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.examples.docs.Guides.Block;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PgServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Every command of the guides ends with status 0, on a database of its own: those of shell blocks, and those that the
 * text names in full. They run from the root of the repository; {@code millrace} is the packaged jar.
 */
class DocsCommandsIT {

    private static final Duration LIMIT = Duration.ofMinutes(2);

    /** What is not run here, by its beginning, and why. */
    private static final Map<String, String> NOT_RUN = Map.of(
            "mvn ", "builds the project, and so runs this test",
            ".ci/", "does the same",
            "docker ", "needs an engine and a registry",
            "kubectl ", "changes a cluster",
            "sudo ", "changes this machine",
            "millrace bench", "takes minutes; its options are checked, and BenchCommandTest runs it with few jobs");

    /** What is run where it is installed: the guides use more than a build of the project needs. */
    private static final List<String> IF_INSTALLED = List.of("psql", "python3", "jq");

    /** In the form that psql and Python understand as well. */
    private static final String URL = "postgresql://postgres:postgres@127.0.0.1:%d/postgres";

    /** Says that a block without a language is one of commands. */
    private static final Pattern COMMAND =
            Pattern.compile("^(millrace|java -jar queue-worker\\.jar) ", Pattern.MULTILINE);

    private static final Pattern IN_TEXT = Pattern.compile("`((?:millrace|java -jar queue-worker\\.jar) [a-z][^`]*)`");

    /** In the text, in a table or in a block. */
    private static final Pattern BENCH =
            Pattern.compile("(?:^|`)(?:examples/|millrace )bench\\b([^`\\n]*)", Pattern.MULTILINE);

    /** A server that syncs, since {@code doctor} finds no other fit. */
    private static final PgServer SERVER = PgServer.builder()
            .config(Map.of("fsync", "on", "full_page_writes", "on"))
            .start();

    @TempDir
    private Path home;

    /** Somebody on this machine may have the one that the guides name. */
    private int httpPort;

    @BeforeAll
    static void migrate() {
        PGSimpleDataSource database = new PGSimpleDataSource();
        database.setUrl(SERVER.url("postgres"));
        Migrator.of(database, SchemaName.DEFAULT).migrate();
    }

    @AfterAll
    static void stop() {
        SERVER.close();
    }

    @BeforeEach
    void choosePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0)) {
            httpPort = free.getLocalPort();
        }
    }

    @BeforeEach
    void installMillrace() throws IOException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        Path jar = Guides.ROOT.resolve("queue-worker/target/queue-worker.jar");
        Path program = home.resolve("millrace");
        Files.writeString(
                program,
                "#!/bin/sh\nexec '%s' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -jar '%s' \"$@\"\n"
                        .formatted(java, jar));
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        stampOf(jar, Guides.ROOT.resolve("examples/target/examples.jar"));
    }

    /** Tells the quickstart that nothing need be built, within this build, unless a source is newer than the older jar. */
    private static void stampOf(Path one, Path other) throws IOException {
        FileTime built = Files.getLastModifiedTime(one);
        FileTime otherBuilt = Files.getLastModifiedTime(other);
        if (otherBuilt.compareTo(built) < 0) {
            built = otherBuilt;
        }
        Path stamp = Guides.ROOT.resolve("examples/target/quickstart.built");
        if (Files.notExists(stamp)) {
            Files.createFile(stamp);
        } else if (Files.getLastModifiedTime(stamp).compareTo(built) >= 0) {
            // The quickstart has built since.
            return;
        }
        Files.setLastModifiedTime(stamp, built);
    }

    @Test
    void shellBlocks_endWithStatus0() throws Exception {
        List<String> failures = new ArrayList<>();
        int run = 0;
        List<Block> blocks = new ArrayList<>(Guides.blocks("sh"));
        Guides.blocks("").stream()
                .filter(block -> COMMAND.matcher(block.text()).find())
                .forEach(blocks::add);
        for (Block block : blocks) {
            String script = runnable(block.text());
            if (!script.isBlank()) {
                run++;
                GuideJobs.write(SERVER.url("postgres"));
                failures.addAll(run(block.place(), script));
            }
        }
        assertThat(failures).isEmpty();
        assertThat(run).isGreaterThan(8);
    }

    @Test
    void commandsInTheText_endWithStatus0() throws Exception {
        List<String> failures = new ArrayList<>();
        int run = 0;
        for (Path guide : Guides.all()) {
            Matcher command = IN_TEXT.matcher(Guides.text(guide));
            GuideJobs.write(SERVER.url("postgres"));
            while (command.find()) {
                String script = runnable(command.group(1).replaceAll(" \\[[^]]*]", ""));
                if (!script.isBlank() && !script.contains("…")) {
                    run++;
                    failures.addAll(run(guide.toString(), script));
                }
            }
        }
        assertThat(failures).isEmpty();
        assertThat(run).isGreaterThan(8);
    }

    /** With a database that is not there: status 3, where options that are wrong are status 2. */
    @Test
    void benchCommands_haveOptionsThatThereAre() throws Exception {
        Set<String> commands = new TreeSet<>();
        for (Path guide : Guides.all()) {
            BENCH.matcher(Guides.text(guide)).results().forEach(bench -> commands.add(bench.group(1)));
        }
        List<String> failures = new ArrayList<>();
        for (String options : commands) {
            failures.addAll(run(
                    "bench",
                    "export MILLRACE_DATABASE_URL=postgresql://127.0.0.1:1/none\n" + "millrace bench" + options
                            + " || (($? == 3))"));
        }
        assertThat(failures).isEmpty();
        assertThat(commands).hasSizeGreaterThan(8);
    }

    /** Where Python has the driver. */
    @Test
    void pythonBlocks_endWithStatus0() throws Exception {
        assumeTrue(run("psycopg", "python3 -c 'import psycopg'").isEmpty(), "psycopg is not installed");
        List<String> failures = new ArrayList<>();
        for (Block block : Guides.blocks("python")) {
            GuideJobs.write(SERVER.url("postgres"));
            Path program = Files.writeString(home.resolve("program.py"), block.text());
            failures.addAll(run(block.place(), "python3 '" + program + "'"));
        }
        assertThat(failures).isEmpty();
    }

    /** A key that no command has would be refused. */
    @Test
    void propertiesBlocks_areTaken() throws Exception {
        List<String> failures = new ArrayList<>();
        for (Block block : Guides.blocks("properties")) {
            Path file = Files.writeString(home.resolve("millrace.properties"), block.text());
            failures.addAll(run(block.place(), "millrace doctor --config '" + file + "'"));
        }
        assertThat(failures).isEmpty();
    }

    /** With what stands for something of the reader's replaced, and without the lines that can't run here. */
    private String runnable(String text) {
        StringBuilder script = new StringBuilder();
        for (String command : text.replace("\\\n", " ").lines().toList()) {
            boolean runs = NOT_RUN.keySet().stream().noneMatch(command::startsWith)
                    && IF_INSTALLED.stream().allMatch(name -> !uses(command, name) || isInstalled(name))
                    && !command.startsWith("export MILLRACE_DATABASE_URL=");
            if (runs) {
                script.append(command.replace("java -jar queue-worker.jar", "millrace")
                                .replaceAll("(?<![\\w/])handlers\\.jar", "examples/target/examples.jar")
                                .replace(":8484", ":" + httpPort)
                                // A worker of the guides works until somebody stops it.
                                .replaceAll(
                                        "^(millrace|java -jar \\S*queue-worker\\.jar) work (?!.*--until-empty)",
                                        "$1 work --until-empty "))
                        .append('\n');
            }
        }
        return script.toString();
    }

    private static boolean uses(String command, String program) {
        return Pattern.compile("(^|[|(] ?)" + program + " ").matcher(command).find();
    }

    private static boolean isInstalled(String program) {
        return List.of(System.getenv("PATH").split(":")).stream()
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    /** Returns what went wrong: nothing or one text. */
    private List<String> run(String place, String script) throws IOException, InterruptedException {
        Path output = home.resolve("output");
        ProcessBuilder builder = new ProcessBuilder("bash", "-euo", "pipefail", "-c", script)
                .directory(Guides.ROOT.toFile())
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(output.toFile());
        builder.environment().merge("PATH", home.toString(), (path, mine) -> mine + ":" + path);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("MILLRACE_DATABASE_URL", URL.formatted(SERVER.port()));
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Process process = builder.start();
        try {
            if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                return List.of(place + " did not end:\n" + script + Files.readString(output));
            }
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        return process.exitValue() == 0
                ? List.of()
                : List.of(place + " ended with " + process.exitValue() + ":\n" + script + Files.readString(output));
    }
}
