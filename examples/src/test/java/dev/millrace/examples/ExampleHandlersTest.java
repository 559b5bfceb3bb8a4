package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.examples.ExampleJobs.Checksum;
import dev.millrace.examples.ExampleJobs.Fail;
import dev.millrace.examples.ExampleJobs.Flaky;
import dev.millrace.examples.ExampleJobs.Noop;
import dev.millrace.examples.ExampleJobs.Sleep;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ServiceLoader;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@PostgresTest
@Timeout(60)
class ExampleHandlersTest {

    private final TestDatabase database;
    private Millrace millrace;
    private Worker worker;

    ExampleHandlersTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, queue, worker, leader");
        millrace = Millrace.connect(Database.of(database.url()));
        worker = Worker.builder(Database.of(database.url()))
                .handlers(new ExampleHandlers())
                .grace(Duration.ZERO)
                .build();
    }

    @AfterEach
    void close() {
        worker.close();
        millrace.close();
    }

    private void runAll() throws InterruptedException {
        worker.start();
        worker.awaitEmpty();
    }

    private String state(long id) {
        return String.valueOf(database.queryString("SELECT state || ' ' || attempt FROM job WHERE id = ?", id));
    }

    @Test
    void provider_isFoundByServiceLoader_withAllKinds() {
        Handlers handlers = new Handlers();
        ServiceLoader.load(HandlerProvider.class).forEach(provider -> provider.register(handlers));
        assertThat(handlers.byKind().keySet())
                .containsExactlyInAnyOrder("noop", "sleep", "flaky", "fail", "checksum", "transfer");
    }

    @Test
    void noopAndSleep_complete() throws InterruptedException {
        long noop = millrace.enqueue(ExampleJobs.NOOP, new Noop());
        long sleep = millrace.enqueue(ExampleJobs.SLEEP, new Sleep(50));
        runAll();
        assertThat(state(noop)).isEqualTo("completed 1");
        assertThat(state(sleep)).isEqualTo("completed 1");
        assertThat(database.queryLong(
                        "SELECT (finalized_at - attempted_at >= interval '50 ms')::int FROM job WHERE id = ?", sleep))
                .isEqualTo(1);
    }

    @Test
    void noop_insertedBySql_completes() throws InterruptedException {
        database.execute("INSERT INTO millrace.job (kind) VALUES ('noop')");
        runAll();
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'"))
                .isEqualTo(1);
    }

    @Test
    void sleep_workerCloses_isInterruptedAndGivenBack() {
        long id = millrace.enqueue(
                ExampleJobs.SLEEP, new Sleep(Duration.ofHours(1).toMillis()));
        worker.start();
        Awaitility.await().until(() -> state(id).startsWith("running"));
        worker.close();
        assertThat(state(id)).isEqualTo("available 0");
    }

    @Test
    void flaky_failsAsOftenAsItIsTold_thenCompletes() throws InterruptedException {
        long id = millrace.enqueue(ExampleJobs.FLAKY, new Flaky(2));
        runAll();
        assertThat(state(id)).isEqualTo("completed 3");
        assertThat(database.queryString("SELECT errors -> 1 ->> 'message' FROM job WHERE id = ?", id))
                .startsWith("Attempt 2 fails");
    }

    @Test
    void fail_always_isDiscardedAfterItsLastAttempt() throws InterruptedException {
        long id = millrace.enqueue(ExampleJobs.FAIL, new Fail(), options -> options.maxAttempts(2));
        runAll();
        assertThat(state(id)).isEqualTo("discarded 2");
    }

    @Test
    void checksum_file_hasSizeAndSha256AsOutput(@TempDir Path folder) throws IOException, InterruptedException {
        Path abc = Files.writeString(folder.resolve("ä b'c"), "abc");
        Path large = folder.resolve("large");
        try (RandomAccessFile zeros = new RandomAccessFile(large.toFile(), "rw")) {
            zeros.setLength(10_000_001);
        }
        long first = millrace.enqueue(ExampleJobs.CHECKSUM, new Checksum(abc.toString()));
        long second = millrace.enqueue(ExampleJobs.CHECKSUM, new Checksum(large.toString()));
        runAll();
        // The test vector of FIPS 180-2.
        assertThat(database.queryString("SELECT output ->> 'sha256' FROM job WHERE id = ?", first))
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThat(database.queryString("SELECT output ->> 'size' FROM job WHERE id = ?", first))
                .isEqualTo("3");
        assertThat(database.queryString("SELECT output ->> 'size' FROM job WHERE id = ?", second))
                .isEqualTo("10000001");
    }

    /** A named pipe, too: opening one would wait for ever. */
    @Test
    void checksum_notARegularFile_fails(@TempDir Path folder) throws InterruptedException {
        long id = millrace.enqueue(
                ExampleJobs.CHECKSUM, new Checksum(folder.toString()), options -> options.maxAttempts(1));
        runAll();
        assertThat(state(id)).isEqualTo("discarded 1");
        assertThat(database.queryString("SELECT errors -> -1 ->> 'message' FROM job WHERE id = ?", id))
                .isEqualTo(folder + " is not a regular file");
    }

    @Test
    void checksum_fileThatIsNotThere_failsWithItsName(@TempDir Path folder) throws InterruptedException {
        Path missing = folder.resolve("missing");
        long id = millrace.enqueue(
                ExampleJobs.CHECKSUM, new Checksum(missing.toString()), options -> options.maxAttempts(2));
        runAll();
        assertThat(state(id)).isEqualTo("discarded 2");
        assertThat(database.queryString("SELECT errors -> -1 ->> 'message' FROM job WHERE id = ?", id))
                .isEqualTo(missing.toString());
    }
}
