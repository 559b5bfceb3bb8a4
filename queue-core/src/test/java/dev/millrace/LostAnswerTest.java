package dev.millrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The answer of a commit gets lost: the job is there once or not at all, and the caller knows which. */
@PostgresTest
class LostAnswerTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(30);

    private final TestDatabase database;
    private final FaultProxy proxy;
    private final Millrace millrace;

    LostAnswerTest(TestDatabase database) {
        this.database = database;
        this.proxy = FaultProxy.to(
                URI.create(database.url().substring("jdbc:".length())).getPort());
        this.millrace = Millrace.connect(Database.of(proxy.url(database.url())).withTimeouts(Timeouts.FAST));
        database.execute("TRUNCATE millrace.job");
        // After two, the third has its id reserved and sends nothing but its insert.
        millrace.enqueue(NUMBER, new Number(0));
        millrace.enqueue(NUMBER, new Number(0));
    }

    @AfterEach
    void close() {
        millrace.close();
        proxy.close();
    }

    private long jobs() {
        return database.queryLong("SELECT count(*) FROM millrace.job");
    }

    private CompletableFuture<Long> enqueue() {
        return CompletableFuture.supplyAsync(() -> millrace.enqueue(NUMBER, new Number(1)));
    }

    @Test
    void committedButNotAnswered_isFound_andItsIdReturned() throws Exception {
        proxy.blackHole(Direction.TO_CLIENT);
        CompletableFuture<Long> enqueued = enqueue();
        await().atMost(SOON).until(() -> jobs() == 3);
        proxy.heal();

        long id = enqueued.get(SOON.toSeconds(), TimeUnit.SECONDS);
        assertThat(database.queryLong("SELECT count(*) FROM millrace.job WHERE id = ?", id))
                .isEqualTo(1);
        assertThat(jobs()).isEqualTo(3);
        assertThat(millrace.metrics().count(Counter.UNKNOWN_RESULTS)).isEqualTo(1);
    }

    @Test
    void bulkCommittedButNotAnswered_isFound() throws Exception {
        proxy.blackHole(Direction.TO_CLIENT);
        // The id of each job is asked for first, so nothing is sent that could commit: the whole bulk is known not to
        // be there.
        CompletableFuture<Long> enqueued = CompletableFuture.supplyAsync(
                () -> millrace.enqueueAll(NUMBER, Stream.of(new Number(1), new Number(2))));
        await().atMost(SOON)
                .until(() -> database.queryLong(
                                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' AND query LIKE '%nextval%'")
                        == 1);
        proxy.heal();

        DatabaseUnavailableException failure = failure(enqueued);
        assertThat(failure.isResultUnknown()).isFalse();
        assertThat(jobs()).isEqualTo(2);
    }

    @Test
    void neverArrived_isKnownNotToBeThere() throws Exception {
        proxy.blackHole(Direction.TO_SERVER);
        CompletableFuture<Long> enqueued = enqueue();
        await().atMost(SOON).until(() -> millrace.metrics().count(Counter.WATCHDOG_KILLS) > 0 || enqueued.isDone());
        proxy.heal();

        DatabaseUnavailableException failure = failure(enqueued);
        assertThat(failure.isResultUnknown()).isFalse();
        assertThat(failure).hasMessageContaining("nothing was inserted");
        assertThat(jobs()).isEqualTo(2);
    }

    @Test
    void databaseStaysAway_isSaidToBeUnknown() throws Exception {
        proxy.blackHole(Direction.TO_CLIENT);
        CompletableFuture<Long> enqueued = enqueue();
        await().atMost(SOON).until(() -> jobs() == 3);
        proxy.refuse();

        DatabaseUnavailableException failure = failure(enqueued);
        assertThat(failure.isResultUnknown()).isTrue();
        assertThat(failure).hasMessageContaining("Nobody knows");
        assertThat(jobs()).isEqualTo(3);
    }

    private static DatabaseUnavailableException failure(CompletableFuture<Long> enqueued) {
        CompletionException thrown = catchThrowableOfType(
                CompletionException.class,
                () -> enqueued.orTimeout(30, TimeUnit.SECONDS).join());
        assertThat(thrown.getCause()).isInstanceOf(DatabaseUnavailableException.class);
        return (DatabaseUnavailableException) thrown.getCause();
    }
}
