package dev.millrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.net.URI;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The answer of a commit gets lost: the job is there once or not at all, and the caller knows which. */
@PostgresTest
class LostAnswerTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(30);

    /** Notices a silent peer soon, but gives a statement the time that the test lets it wait for a lock. */
    private static final Timeouts TIMEOUTS = new Timeouts(
            Duration.ofSeconds(20),
            Duration.ofSeconds(21),
            Duration.ofSeconds(22),
            Duration.ofSeconds(23),
            Duration.ofSeconds(10),
            Duration.ofSeconds(2),
            Duration.ofSeconds(4),
            Duration.ofSeconds(1),
            Duration.ofMillis(2_500));

    private final TestDatabase database;
    private final FaultProxy proxy;
    private final Millrace millrace;

    LostAnswerTest(TestDatabase database) {
        this.database = database;
        this.proxy = FaultProxy.to(
                URI.create(database.url().substring("jdbc:".length())).getPort());
        database.execute("TRUNCATE millrace.job");
        this.millrace = Millrace.connect(Database.of(proxy.url(database.url())).withTimeouts(TIMEOUTS));
    }

    @AfterEach
    void close() {
        millrace.close();
        proxy.close();
    }

    private long jobs() {
        return database.queryLong("SELECT count(*) FROM millrace.job");
    }

    /** The insert has arrived at the server and waits there when the way back is cut; then it goes on. */
    private CompletableFuture<Long> answerLost(Supplier<Long> enqueue) throws SQLException {
        return answerLost("LOCK TABLE millrace.job_available IN SHARE MODE", enqueue);
    }

    private CompletableFuture<Long> answerLost(String lock, Supplier<Long> enqueue) throws SQLException {
        try (Connection holder = database.connect();
                Statement statement = holder.createStatement()) {
            holder.setAutoCommit(false);
            statement.execute(lock);
            CompletableFuture<Long> enqueued = CompletableFuture.supplyAsync(enqueue);
            await().atMost(SOON)
                    .until(() -> database.queryLong(
                                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                            + " AND application_name LIKE 'millrace/%/work#%' AND wait_event_type = 'Lock'")
                            == 1);
            proxy.blackHole(Direction.TO_CLIENT);
            holder.rollback();
            return enqueued;
        }
    }

    @Test
    void committedButNotAnswered_isFound_andItsIdReturned() throws Exception {
        CompletableFuture<Long> enqueued = answerLost(() -> millrace.enqueue(NUMBER, new Number(1)));
        await().atMost(SOON).until(() -> jobs() == 1);
        proxy.heal();

        long id = enqueued.get(SOON.toSeconds(), TimeUnit.SECONDS);
        assertThat(database.queryLong("SELECT count(*) FROM millrace.job WHERE id = ?", id))
                .isEqualTo(1);
        assertThat(jobs()).isEqualTo(1);
        assertThat(millrace.metrics().count(Counter.UNKNOWN_RESULTS)).isEqualTo(1);
    }

    /** The answer of the copy is lost, so no commit was sent and none needs to be looked for; nor is the source asked again. */
    @Test
    void bulkNotCommitted_isKnownNotToBeThere() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Iterator<NewJob> source = new Iterator<>() {
            @Override
            public boolean hasNext() {
                return asked.incrementAndGet() < 3;
            }

            @Override
            public NewJob next() {
                return NewJob.of(NUMBER, new Number(1), NUMBER.defaults(), new JacksonArgsCodec());
            }
        };
        CompletableFuture<Long> enqueued = answerLost(() -> millrace.enqueueAll(source, id -> {}));
        int before = asked.get();
        await().atMost(SOON).until(() -> millrace.metrics().count(Counter.WATCHDOG_KILLS) > 0);
        proxy.heal();

        DatabaseUnavailableException failure = failure(enqueued);
        assertThat(failure.isResultUnknown()).isFalse();
        assertThat(failure).hasMessageContaining("nothing was inserted");
        assertThat(jobs()).isZero();
        assertThat(asked).hasValue(before);
        assertThat(millrace.metrics().count(Counter.UNKNOWN_RESULTS)).isZero();
    }

    /** The commit itself waits, by a deferred trigger, when its answer is cut off. */
    @Test
    void bulkCommittedButNotAnswered_isFound() throws Exception {
        database.execute("""
                CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON millrace.job_available
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()
                """);
        try {
            CompletableFuture<Long> enqueued = answerLost(
                    "SELECT pg_advisory_xact_lock(1)",
                    () -> millrace.enqueueAll(NUMBER, Stream.of(new Number(1), new Number(2))));
            await().atMost(SOON).until(() -> jobs() == 2);
            proxy.heal();

            assertThat(enqueued.get(SOON.toSeconds(), TimeUnit.SECONDS)).isEqualTo(2);
            assertThat(jobs()).isEqualTo(2);
            assertThat(millrace.metrics().count(Counter.UNKNOWN_RESULTS)).isEqualTo(1);
        } finally {
            database.execute("DROP TRIGGER wait_at_commit ON millrace.job_available; DROP FUNCTION wait_at_commit()");
        }
    }

    /** The first chunk is there when the way to the server is cut; the second and the commit never arrive. */
    @Test
    void commitNeverArrived_isKnownNotToBeThere() throws Exception {
        CompletableFuture<Long> enqueued = CompletableFuture.supplyAsync(() ->
                millrace.enqueueAll(NUMBER, IntStream.range(0, 6_000).mapToObj(i -> {
                    if (i == 5_500) {
                        proxy.blackHole(Direction.TO_SERVER);
                    }
                    return new Number(i);
                })));
        await().atMost(SOON).until(() -> millrace.metrics().count(Counter.WATCHDOG_KILLS) > 0);
        proxy.heal();

        DatabaseUnavailableException failure = failure(enqueued);
        assertThat(failure.isResultUnknown()).isFalse();
        assertThat(failure).hasMessageContaining("nothing was inserted");
        assertThat(jobs()).isZero();
    }

    @Test
    void databaseStaysAway_isSaidToBeUnknown() throws Exception {
        CompletableFuture<Long> enqueued = answerLost(() -> millrace.enqueue(NUMBER, new Number(1)));
        await().atMost(SOON).until(() -> jobs() == 1);
        proxy.refuse();

        DatabaseUnavailableException failure = failure(enqueued);
        assertThat(failure.isResultUnknown()).isTrue();
        assertThat(failure).hasMessageContaining("Nobody knows");
        assertThat(jobs()).isEqualTo(1);
    }

    /** A job that leaves no history may have run and gone before anyone looked for it. */
    @Test
    void committedAndGoneWithoutHistory_isSaidToBeUnknown() throws Exception {
        database.execute("SELECT millrace.set_retention('default', 'completed', '0')");
        try {
            CompletableFuture<Long> enqueued = answerLost(() -> millrace.enqueue(NUMBER, new Number(1)));
            await().atMost(SOON).until(() -> jobs() == 1);
            database.execute("DELETE FROM millrace.job");
            proxy.heal();

            DatabaseUnavailableException failure = failure(enqueued);
            assertThat(failure.isResultUnknown()).isTrue();
            assertThat(failure).hasMessageContaining("Nobody knows");
        } finally {
            database.execute("SELECT millrace.set_retention('default', 'completed', NULL)");
        }
    }

    private static DatabaseUnavailableException failure(CompletableFuture<Long> enqueued) {
        CompletionException thrown = catchThrowableOfType(
                CompletionException.class,
                () -> enqueued.orTimeout(60, TimeUnit.SECONDS).join());
        assertThat(thrown.getCause()).isInstanceOf(DatabaseUnavailableException.class);
        return (DatabaseUnavailableException) thrown.getCause();
    }
}
