package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@PostgresTest
@Timeout(60)
class WorkCommandTest {

    /** Registers nothing. */
    public static final class NoHandlers implements HandlerProvider {
        @Override
        public void register(Handlers handlers) {}
    }

    /** Lacks something that it needs, as a jar does that was packaged without its dependencies. */
    public static final class BrokenHandlers implements HandlerProvider {
        @Override
        public void register(Handlers handlers) {
            throw new NoClassDefFoundError("com/example/Missing");
        }
    }

    private final TestDatabase database;

    @TempDir
    Path folder;

    WorkCommandTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void untilEmpty_jobsThere_areDone() throws IOException {
        for (int i = 0; i < 20; i++) {
            database.execute(
                    "INSERT INTO job (kind, args, queue) VALUES ('echo', '{\"n\": 1}', ?)",
                    i % 2 == 0 ? "default" : "mail");
        }

        Outcome outcome = work(
                HandlersFolder.write(folder, EchoHandlers.class),
                "--queue",
                "default=2",
                "--queue",
                "mail=3",
                "--poll",
                "50ms",
                "--lease",
                "5s",
                "--grace",
                "1s",
                "--pool-size",
                "3",
                "--instance",
                "cli-test");

        assertThat(outcome.done().out()).isEmpty();
        assertThat(database.queryLong(
                        "SELECT count(*) FROM job WHERE state = 'completed' AND attempted_by LIKE '%/cli-test/%'"))
                .isEqualTo(20);
        assertThat(database.queryString("SELECT DISTINCT output ->> 'loader' FROM job WHERE kind = 'echo'"))
                .isEqualTo("handlers");
    }

    @Test
    void handlers_folderWithoutService_saysWhatIsMissing() {
        work(folder)
                .failed(
                        2,
                        "No handlers in '" + folder + "': a jar or folder needs the file META-INF/services/"
                                + HandlerProvider.class.getName());
    }

    @Test
    void handlers_secondPathWithoutService_isNamed() throws IOException {
        Path good = HandlersFolder.write(Files.createDirectory(folder.resolve("good")), EchoHandlers.class);
        Path empty = Files.createDirectory(folder.resolve("empty"));

        work(good, empty.toString()).failed(2, "No handlers in '" + empty + "'");
    }

    @Test
    void handlers_fileThatIsNoJar_saysWhatIsMissing() throws IOException {
        work(Files.writeString(folder.resolve("handlers.jar"), "not a jar")).failed(2, "handlers.jar");
    }

    @Test
    void handlers_classThatIsNotThere_saysWhich() throws IOException {
        work(HandlersFolder.announce(folder, "com.example.Forgotten")).failed(2, "com.example.Forgotten");
    }

    @Test
    void handlers_none_isUsage() throws IOException {
        work(HandlersFolder.write(folder, NoHandlers.class)).failed(2, "A worker needs at least one handler");
    }

    @Test
    void handlers_missingClassWhileRegistering_isOneSentence() throws IOException {
        work(HandlersFolder.write(folder, BrokenHandlers.class)).failed(1, "NoClassDefFoundError: com/example/Missing");
    }

    @Test
    void options_outOfRange_areUsage() throws IOException {
        Path handlers = HandlersFolder.write(folder, EchoHandlers.class);

        work(handlers, "--queue", "mail").failed(2, "'mail' is not of the form NAME=SLOTS");
        work(handlers, "--queue", "mail=0").failed(2, "Slots 0 of queue 'mail' are out of range");
        work(handlers, "--queue", "mail=1", "--queue", "mail=2").failed(2, "Queue 'mail' was given 1 slots already");
        work(handlers, "--lease", "1s").failed(2, "Lease PT1S is out of range");
        work(handlers, "--grace", "-1s").failed(2, "'-1s' is not a duration");
        work(handlers, "--poll", "1ms").failed(2, "Poll interval PT0.001S is out of range");
        work(handlers, "--pool-size", "1").failed(2, "Pool size 1 is out of range");
        work(handlers, "--instance", "two words").failed(2, "Instance name 'two words' is not possible");
    }

    @Test
    void schemaWithoutTables_isStatus4() throws IOException {
        work(HandlersFolder.write(folder, EchoHandlers.class), "--schema", "nothing")
                .failed(4, "Schema \"nothing\" has no job tables");
    }

    private Outcome work(Path handlers, String... more) {
        String[] args = new String[more.length + 6];
        args[0] = "work";
        args[1] = "--until-empty";
        args[2] = "--http";
        args[3] = "off";
        args[4] = "--handlers";
        args[5] = handlers.toString();
        System.arraycopy(more, 0, args, 6, more.length);
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), args);
    }
}
