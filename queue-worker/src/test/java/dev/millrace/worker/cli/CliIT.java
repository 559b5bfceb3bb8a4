package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.migrations.SchemaVersion;
import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The packaged jar as a process: exit status, one sentence in each bad case, no secrets, and signals. */
@PostgresTest
@Timeout(180)
class CliIT {

    private static final Path JAR = Path.of("target/queue-worker.jar").toAbsolutePath();
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String SECRET = "hush-hush";

    private final TestDatabase database;

    @TempDir
    Path folder;

    CliIT(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job");
    }

    @Test
    void version_ofTheJar_isItsOwn() throws Exception {
        assertThat(run("", "--version").done().out()).containsPattern("Millrace \\d+\\.\\d+");
    }

    @Test
    void migrateEnqueueWork_freshSchema_runTheJob() throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);

        assertThat(run(database.url(), "migrate", "--schema", "fresh")
                        .done()
                        .out()
                        .strip())
                .isEqualTo("Schema fresh: version 0 → %1$d, %1$d migrations applied".formatted(SchemaVersion.REQUIRED));
        run(database.url(), "enqueue", "echo", "--args", "{\"text\": \"ä😀\"}", "--schema", "fresh")
                .done();
        Outcome work = run(
                database.url(),
                "work",
                "--http",
                "off",
                "--schema",
                "fresh",
                "--until-empty",
                "--handlers",
                handlers.toString());

        assertThat(work.status()).as(work.err()).isZero();
        assertThat(work.out()).isEmpty();
        assertThat(work.err()).contains(" INFO ", " starts on ", " has stopped").doesNotContain("WARN", "\tat ");
        assertThat(database.queryString("SELECT output -> 'args' ->> 'text' FROM fresh.job WHERE state = 'completed'"))
                .isEqualTo("ä😀");
    }

    @Test
    void jobs_withoutATerminal_changeNothingUnasked() throws Exception {
        run(database.url(), "enqueue", "echo").done();

        run(database.url(), "jobs", "cancel", "--all").failed(2, "give --yes");
        assertThat(run(database.url(), "jobs", "count", "--state", "available")
                        .done()
                        .out()
                        .strip())
                .isEqualTo("1");
        assertThat(run(database.url(), "jobs", "cancel", "--all", "--yes")
                        .done()
                        .out()
                        .strip())
                .isEqualTo("cancelled 1");
    }

    @Test
    void work_jsonLogs_areOneObjectALine() throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);

        Outcome work = run(
                database.url(),
                "work",
                "--http",
                "off",
                "--log-format",
                "json",
                "--until-empty",
                "--handlers",
                handlers.toString());

        assertThat(work.status()).as(work.err()).isZero();
        assertThat(work.err().lines())
                .isNotEmpty()
                .allSatisfy(line ->
                        assertThat(JsonText.JSON.readTree(line).has("level")).isTrue());
    }

    @Test
    void anyCommand_wrongUrl_isUsage() throws Exception {
        run("postgresql://user:" + SECRET + "@host:port/db", "migrate")
                .failed(2, "The database URL is not understood")
                .without(SECRET);
        run("jdbc:postgresql://user:" + SECRET + "@host:5432/db", "enqueue", "k")
                .failed(2, "The database URL is not understood")
                .without(SECRET);
    }

    @Test
    void anyCommand_wrongUrlAndVerbose_keepsTheSecret() throws Exception {
        Outcome outcome = run("jdbc:postgresql://user:" + SECRET + "@host/db", "migrate", "--verbose")
                .without(SECRET);

        assertThat(outcome.status()).isEqualTo(2);
        assertThat(outcome.err()).contains("\tat ");
    }

    @Test
    void anyCommand_unknownOption_isUsage() throws Exception {
        run("", "migrate", "--databse-url=postgresql://u:" + SECRET + "@h/db")
                .failed(2, "--databse-url")
                .without(SECRET);
    }

    @Test
    void anyCommand_wrongPassword_isStatus3() throws Exception {
        Path hba = Files.writeString(folder.resolve("pg_hba.conf"), """
                host all limited 127.0.0.1/32 scram-sha-256
                host all all 127.0.0.1/32 trust
                """);
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);
        try (PgServer server =
                PgServer.builder().config("hba_file", hba.toString()).start()) {
            execute(server, "CREATE ROLE limited LOGIN PASSWORD 'another'");
            String url = "postgresql://limited:" + SECRET + "@127.0.0.1:" + server.port() + "/postgres";
            String sentence = "password authentication failed for user \"limited\"";

            run(url, "migrate").failed(3, sentence).without(SECRET);
            run(url, "enqueue", "k").failed(3, sentence).without(SECRET);
            run(url, "work", "--http", "off", "--handlers", handlers.toString())
                    .failed(3, sentence)
                    .without(SECRET);
            Outcome verbose = run(url, "enqueue", "k", "--verbose").without(SECRET);
            assertThat(verbose.status()).isEqualTo(3);
            assertThat(verbose.err()).contains(sentence, "\tat ");
        }
    }

    @Test
    void anyCommand_noSuchDatabase_isStatus3() throws Exception {
        String url = database.url().replace("/" + database.name(), "/no_such_database");
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);

        run(url, "migrate").failed(3, "database \"no_such_database\" does not exist");
        run(url, "enqueue", "k").failed(3, "database \"no_such_database\" does not exist");
        run(url, "work", "--http", "off", "--handlers", handlers.toString())
                .failed(3, "database \"no_such_database\" does not exist");
    }

    @Test
    void anyCommand_refusedPort_isStatus3() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        String url = "postgresql://user:" + SECRET + "@127.0.0.1:" + port + "/db";
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);

        run(url, "migrate").failed(3, "refused").without(SECRET);
        run(url, "enqueue", "k").failed(3, "refused").without(SECRET);
        run(url, "work", "--http", "off", "--connect-timeout", "1s", "--handlers", handlers.toString())
                .failed(3, "refused")
                .without(SECRET);
    }

    @Test
    void anyCommand_unmigratedOrNewerSchema_isStatus4() throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);
        run(database.url(), "migrate", "--schema", "newer").done();
        database.execute("INSERT INTO newer.millrace_version (version) VALUES (99)");

        for (Map.Entry<String, String> schema : Map.of(
                        "nothing", "has no job tables", "newer", "newer than the version")
                .entrySet()) {
            run(database.url(), "enqueue", "k", "--schema", schema.getKey()).failed(4, schema.getValue());
            run(database.url(), "work", "--http", "off", "--schema", schema.getKey(), "--handlers", handlers.toString())
                    .failed(4, schema.getValue());
            run(database.url(), "migrate", "--validate", "--schema", schema.getKey())
                    .failed(4, schema.getValue());
        }
        run(database.url(), "migrate", "--schema", "newer").failed(4, "newer than the version");
    }

    @Test
    void stdin_malformedLineInTheMiddle_enqueuesNothing() throws Exception {
        List<String> lines = new ArrayList<>();
        for (int i = 1; i <= 10_000; i++) {
            lines.add(i == 7_000 ? "{\"kind\":\"k\",\"args\":{\"n\":}" : "{\"kind\":\"k\",\"args\":{\"n\":" + i + "}}");
        }

        piped(lines, "enqueue", "--stdin")
                .failed(1, "Line 7000 is not a job, nothing was enqueued: it is not valid JSON, column ");
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();

        lines.remove(7_000 - 1);
        assertThat(piped(lines, "enqueue", "--stdin").done().out().strip()).isEqualTo("9999 jobs enqueued");
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(9_999);
    }

    @Test
    void args_overTheLimit_areRefused() throws Exception {
        String args = "\"" + "x".repeat(100_000) + "\"";

        run(database.url(), "enqueue", "k", "--args", args, "--max-args-bytes", "100000")
                .failed(1, "100002 bytes, the limit is 100000");
        piped(List.of("{\"kind\":\"k\",\"args\":\"" + "x".repeat(1 << 20) + "\"}"), "enqueue", "--stdin")
                .failed(
                        1,
                        "Line 1 is not a job, nothing was enqueued: Arguments of a job of kind k have 1048578 bytes, the limit is 1048576");
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
    }

    @Test
    void work_handlersPathNotThere_isUsage() throws Exception {
        run(database.url(), "work", "--http", "off", "--handlers", "/no/such/handlers.jar")
                .failed(2, "Handlers path '/no/such/handlers.jar' is not there");
    }

    @Test
    void work_idleAndTerminated_drainsAndExitsWith0() throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);
        try (JavaProcess worker = JavaProcess.jar(JAR, "work", "--http", "off", "--handlers", handlers.toString())
                .environment("MILLRACE_DATABASE_URL", database.url())
                .start()) {
            worker.awaitStderr(" starts on ", LIMIT);
            worker.terminate();

            assertThat(worker.waitFor(LIMIT)).as(worker.stderr()).isZero();
            assertThat(worker.stderr()).contains(" has stopped").doesNotContain("\tat ", "WARN");
            assertThat(worker.stdout()).isEmpty();
        }
        assertThat(database.queryLong("SELECT count(*) FROM worker")).isZero();
    }

    @Test
    void work_terminatedTwice_givesRunningJobsBackAtOnce() throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), StuckHandlers.class);
        run(database.url(), "enqueue", "stuck").done();
        try (JavaProcess worker = JavaProcess.jar(
                        JAR, "work", "--http", "off", "--grace", "10m", "--handlers", handlers.toString())
                .environment("MILLRACE_DATABASE_URL", database.url())
                .start()) {
            await().atMost(LIMIT)
                    .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'running'") == 1);
            worker.terminate();
            worker.awaitStderr("a second signal gives them back at once", LIMIT);
            worker.terminate();

            assertThat(worker.waitFor(Duration.ofSeconds(20)))
                    .as(worker.stderr())
                    .isZero();
            assertThat(worker.stderr()).contains(" has stopped").doesNotContain("\tat ");
        }
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'available' AND attempt = 0"))
                .isEqualTo(1);
        assertThat(database.queryLong("SELECT count(*) FROM worker")).isZero();
    }

    @Test
    void work_databaseDownAtStart_isWaitedFor() throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);
        try (PgServer server = PgServer.builder().start()) {
            run(server.url("postgres"), "migrate").done();
            server.stopFast();
            try (JavaProcess worker = down(server, handlers);
                    JavaProcess impatient = down(server, handlers)) {
                worker.awaitStderr("The database is not usable yet, will go on trying", LIMIT);
                impatient.awaitStderr("will go on trying", LIMIT);
                impatient.terminate();
                assertThat(impatient.waitFor(Duration.ofSeconds(15)))
                        .as(impatient.stderr())
                        .isZero();

                server.start();
                worker.awaitStderr(" starts on ", LIMIT);
                assertThat(worker.stderr().lines().filter(line -> line.contains("WARN")))
                        .as(worker.stderr())
                        .hasSizeLessThanOrEqualTo(2);
                worker.terminate();
                assertThat(worker.waitFor(LIMIT)).as(worker.stderr()).isZero();
                assertThat(worker.stderr()).doesNotContain("\tat ", SECRET);
            }
        }
    }

    private static JavaProcess down(PgServer server, Path handlers) {
        return JavaProcess.jar(JAR, "work", "--http", "off", "--handlers", handlers.toString())
                .environment(
                        "MILLRACE_DATABASE_URL",
                        server.url("postgres").replaceAll("password=[^&]*", "password=" + SECRET))
                .start();
    }

    private static void execute(PgServer server, String sql) throws Exception {
        try (Connection session = DriverManager.getConnection(server.url("postgres"));
                Statement statement = session.createStatement()) {
            statement.execute(sql);
        }
    }

    private Outcome run(String url, String... args) throws Exception {
        return start(Files.writeString(folder.resolve("nothing"), ""), url, args);
    }

    private Outcome piped(List<String> lines, String... args) throws Exception {
        return start(Files.write(folder.resolve("lines"), lines), database.url(), args);
    }

    /** Not by JavaProcess, which has no input. */
    private Outcome start(Path in, String url, String... args) throws IOException, InterruptedException {
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx256m", "-jar", JAR.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(in.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().put("LC_ALL", "C.UTF-8");
        builder.environment().put("MILLRACE_DATABASE_URL", url);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS))
                    .as("ends")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Outcome(process.exitValue(), Files.readString(out), Files.readString(err));
    }
}
