package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a worker holds is bounded, whatever the queue holds: with a hundred slots it lives in a heap of 64 MB. */
@PostgresTest
class SmallHeapIT {

    private static final Path JAR = Path.of("target/queue-worker.jar").toAbsolutePath();
    private final TestDatabase database;

    @TempDir
    Path folder;

    SmallHeapIT(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job");
    }

    @Test
    void hundredSlots_manySmallJobs_runIn64Megabytes() throws Exception {
        database.execute(
                "INSERT INTO job (kind, args) SELECT 'echo', jsonb_build_object('pad', repeat('x', 120)) FROM generate_series(1, 100000)");

        drain("-Xmx64m", 100_000);
    }

    /** Each with its 100 KB of arguments, what is made of them, and as much output, in a hundred slots. */
    @Test
    void hundredSlots_largeJobs_areNotGatheredByTheThousand() throws Exception {
        database.execute("""
                INSERT INTO job (kind, args)
                SELECT 'echo', jsonb_build_object('pad', repeat(md5(n::text), 3125)) FROM generate_series(1, 3000) AS n""");

        drain("-Xmx160m", 3_000);
    }

    private void drain(String heap, int jobs) throws Exception {
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class);
        try (JavaProcess worker = JavaProcess.jar(
                        JAR,
                        "work",
                        "--http",
                        "off",
                        "--until-empty",
                        "--queue",
                        "default=100",
                        "--handlers",
                        handlers.toString())
                .options(heap, "-XX:+ExitOnOutOfMemoryError")
                .environment("MILLRACE_DATABASE_URL", database.url())
                .start()) {
            assertThat(worker.waitFor(Duration.ofMinutes(3)))
                    .as(worker.stderr())
                    .isZero();
        }
        assertThat(database.queryLong(
                        "SELECT count(*) FROM job WHERE state = 'completed' AND attempt = 1 AND output->'args' = args"))
                .isEqualTo(jobs);
    }
}
