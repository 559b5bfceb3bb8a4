package dev.millrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.connection.Database;
import dev.millrace.job.ArgsException;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobEvent;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What goes around and follows an enqueue: interceptors and events. */
@PostgresTest
class EnqueueInterceptorTest {

    record Email(String to) {}

    private static final JobType<Email> EMAIL = JobType.of("send_email", Email.class);
    private static final Duration SOON = Duration.ofSeconds(60);

    private final TestDatabase database;

    EnqueueInterceptorTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job");
    }

    private Millrace.Builder builder() {
        return Millrace.builder(Database.of(database.url()));
    }

    @Test
    void intercept_everyWayToEnqueue_changesArgsAndOptionsInOrder() throws SQLException {
        try (Millrace millrace = builder()
                        .intercept(job -> job.withArgs(job.args().replace("@", " at ")))
                        .intercept(job -> job.withOptions(o -> o.queue("seen")
                                .metadata("{\"length\": " + job.args().length() + "}")))
                        .connect();
                Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            millrace.enqueue(EMAIL, new Email("single@x"));
            millrace.enqueue(connection, EMAIL, new Email("caller@x"));
            millrace.enqueueAll(EMAIL, Stream.of(new Email("copy@x")));
            millrace.enqueueAll(connection, EMAIL, Stream.of(new Email("callers-copy@x")));
            millrace.enqueue(new NewJob("send_email", "{\"to\":\"raw@x\"}", EnqueueOptions.DEFAULTS));
            connection.commit();
        }

        assertThat(database.query("SELECT args->>'to' AS who, queue, metadata->>'length' AS length FROM job"))
                .extracting(job -> job.get("who") + "|" + job.get("queue") + "|" + job.get("length"))
                .containsExactlyInAnyOrder(
                        "single at x|seen|20",
                        "caller at x|seen|20",
                        "copy at x|seen|18",
                        "callers-copy at x|seen|26",
                        "raw at x|seen|17");
    }

    @Test
    void intercept_exception_refusesTheJobAndTheWholeBulk() {
        try (Millrace millrace = builder()
                .intercept(job -> {
                    if (job.args().contains("bad")) {
                        throw new IllegalStateException("not this one");
                    }
                    return job;
                })
                .connect()) {
            assertThatThrownBy(() -> millrace.enqueue(EMAIL, new Email("bad"))).hasMessage("not this one");
            assertThatThrownBy(() -> millrace.enqueueAll(EMAIL, Stream.of(new Email("good"), new Email("bad"))))
                    .hasMessage("not this one");
            assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();

            millrace.enqueue(EMAIL, new Email("good"));
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(1);
    }

    @Test
    void intercept_whatItMakesOfTheJob_isCheckedLikeAnyOther() {
        try (Millrace millrace = builder()
                .maxArgsBytes(100)
                .intercept(job -> job.withArgs("\"" + "x".repeat(100) + "\""))
                .connect()) {
            assertThatThrownBy(() -> millrace.enqueue(EMAIL, new Email("a")))
                    .isInstanceOf(ArgsException.class)
                    .hasMessageContaining("102 bytes, the limit is 100");
        }
    }

    @Test
    void onJobEvent_everyWayToEnqueue_isToldAfterTheJobIsThere() throws SQLException {
        TestSignal<JobEvent> told = new TestSignal<>();
        long id;
        long callers;
        try (Millrace millrace = builder().onJobEvent(told).connect();
                Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            id = millrace.enqueue(EMAIL, new Email("a"));
            callers = millrace.enqueue(connection, EMAIL, new Email("b"), o -> o.queue("q"));
            connection.rollback();
            millrace.enqueueAll(EMAIL, Stream.of(new Email("c"), new Email("d")));
            told.await(JobEvent.EnqueuedInBulk.class::isInstance, SOON);
        }

        assertThat(told.all())
                .containsExactly(
                        new JobEvent.Enqueued(id, "send_email", "default", true),
                        new JobEvent.Enqueued(callers, "send_email", "q", false),
                        new JobEvent.EnqueuedInBulk(2, true));
    }

    @Test
    void onJobEvent_receiverThatBlocks_delaysNoEnqueue() throws InterruptedException {
        CountDownLatch enqueued = new CountDownLatch(1);
        TestSignal<Boolean> waited = new TestSignal<>();
        try (Millrace millrace = builder()
                .onJobEvent(event -> {
                    try {
                        waited.accept(enqueued.await(SOON.toSeconds(), TimeUnit.SECONDS));
                    } catch (InterruptedException closed) {
                        Thread.currentThread().interrupt();
                    }
                })
                .connect()) {
            for (int i = 0; i < 100; i++) {
                millrace.enqueue(EMAIL, new Email("a"));
            }
            enqueued.countDown();
            assertThat(waited.await(SOON)).isTrue();
        }
    }
}
