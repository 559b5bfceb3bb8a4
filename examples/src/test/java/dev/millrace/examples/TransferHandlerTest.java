package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.connection.Timeouts;
import dev.millrace.examples.ExampleJobs.Transfer;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import dev.millrace.worker.handler.LeaseLostException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@PostgresTest
@Timeout(60)
class TransferHandlerTest {

    /** Time to wait for the rows of an account, or for a session: an attempt that ran out of it would be a retry. */
    private static final Timeouts PATIENT = new Timeouts(
            Duration.ofSeconds(20),
            Duration.ofSeconds(21),
            Duration.ofSeconds(22),
            Duration.ofSeconds(23),
            Duration.ofSeconds(20),
            Duration.ofSeconds(3),
            Duration.ofSeconds(8),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5));

    private final TestDatabase database;
    private Millrace millrace;

    TransferHandlerTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, queue, worker, leader");
        database.execute("DROP TABLE IF EXISTS public.example_account");
        millrace = Millrace.connect(Database.of(database.url()));
    }

    @AfterEach
    void close() {
        millrace.close();
    }

    private Worker.Builder worker() {
        return Worker.builder(Database.of(database.url()).withTimeouts(PATIENT)).queue("default", 20);
    }

    private void runAll(Worker.Builder builder) throws InterruptedException {
        try (Worker worker = builder.build()) {
            worker.start();
            worker.awaitEmpty();
        }
    }

    private long balance(String id) {
        return database.queryLong("SELECT balance FROM public.example_account WHERE id = ?", id);
    }

    private long completed() {
        return database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND attempt = 1");
    }

    @Test
    void transfer_newAccounts_startsThemAt1000AndMayGoNegative() throws InterruptedException {
        millrace.enqueue(ExampleJobs.TRANSFER, new Transfer("a", "b", 1_500));
        runAll(worker().handlers(new ExampleHandlers()));
        assertThat(balance("a")).isEqualTo(-500);
        assertThat(balance("b")).isEqualTo(2_500);
        assertThat(completed()).isEqualTo(1);
    }

    @Test
    void transfer_idsAsNumbers_areTakenAsText() throws InterruptedException {
        database.execute(
                "INSERT INTO millrace.job (kind, args) VALUES ('transfer', '{\"from\": 1, \"to\": \"2\", \"amount\": 5}')");
        runAll(worker().handlers(new ExampleHandlers()));
        assertThat(balance("1")).isEqualTo(995);
        assertThat(balance("2")).isEqualTo(1_005);
    }

    @Test
    void transfer_toItself_completesAndMovesNothing() throws InterruptedException {
        millrace.enqueue(ExampleJobs.TRANSFER, new Transfer("a", "b", 1));
        millrace.enqueue(ExampleJobs.TRANSFER, new Transfer("a", "a", 100));
        runAll(worker().handlers(new ExampleHandlers()));
        assertThat(balance("a")).isEqualTo(999);
        assertThat(completed()).isEqualTo(2);
    }

    /** Few accounts and two workers that both have to create the table: whatever can deadlock does so here. */
    @Test
    void transfers_manyAtOnceOnFewAccounts_eachMovesOnceWithoutARetry() throws InterruptedException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        millrace.enqueueAll(
                ExampleJobs.TRANSFER,
                Stream.generate(() -> new Transfer(account(random), account(random), random.nextInt(1, 100)))
                        .limit(2_000));
        try (Worker second = worker().handlers(new ExampleHandlers()).build()) {
            second.start();
            runAll(worker().handlers(new ExampleHandlers()));
        }
        assertThat(completed()).as("seed " + seed).isEqualTo(2_000);
        assertThat(database.query(Ledger.DIFFERENCES)).as("seed " + seed).isEmpty();
    }

    private static String account(Random random) {
        return "account " + random.nextInt(5);
    }

    /** As after a lease that was lost and found: the second run finds the job done, and its money goes back. */
    @Test
    void transfer_runTwice_movesOnce() throws InterruptedException {
        TransferHandler handler = new TransferHandler();
        AtomicInteger refused = new AtomicInteger();
        millrace.enqueue(ExampleJobs.TRANSFER, new Transfer("a", "b", 10));
        runAll(worker().handle(ExampleJobs.TRANSFER, (job, transfer) -> {
            handler.handle(job, transfer);
            assertThatThrownBy(() -> handler.handle(job, transfer)).isInstanceOf(LeaseLostException.class);
            refused.incrementAndGet();
        }));
        assertThat(refused).hasValue(1);
        assertThat(balance("a")).isEqualTo(990);
        assertThat(balance("b")).isEqualTo(1_010);
        assertThat(completed()).isEqualTo(1);
    }
}
