package dev.millrace.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.handler.Result;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class TestQueueTest {

    record Email(String to) {}

    record SignUp(String who) {}

    private static final JobType<Email> EMAIL = JobType.of("email", Email.class);
    private static final JobType<SignUp> SIGN_UP = JobType.of("sign_up", SignUp.class);

    private final Database database;
    private final List<String> sent = new ArrayList<>();
    private Millrace millrace;
    private TestQueue queue;

    TestQueueTest(TestDatabase database) {
        this.database = Database.of(database.url());
    }

    @BeforeEach
    void open() {
        millrace = Millrace.connect(database);
        queue = TestQueue.on(database)
                .handle(EMAIL, (job, email) -> {
                    if (email.to().isEmpty()) {
                        throw new IllegalStateException("no address");
                    }
                    sent.add(email.to());
                })
                .handleResult(SIGN_UP, (job, signUp) -> {
                    millrace.enqueue(EMAIL, new Email(signUp.who()));
                    millrace.enqueue(EMAIL, new Email(signUp.who() + " again"), o -> o.in(Duration.ofDays(3)));
                    return Result.done();
                })
                .open();
        queue.clear();
    }

    @AfterEach
    void close() {
        queue.close();
        queue.close();
        millrace.close();
    }

    @Test
    void drain_runsWhatWasEnqueued_andWhatThatEnqueues_onThisThread() {
        millrace.enqueue(SIGN_UP, new SignUp("ann"), o -> o.queue("other"));
        queue.requireEnqueued(SIGN_UP, new SignUp("ann"));
        queue.requireNoneEnqueued(EMAIL);

        Drained drained = queue.drain().requireNoFailure();

        assertThat(drained.completed()).isEqualTo(2);
        assertThat(sent).containsExactly("ann");
        queue.requireEnqueued(EMAIL, new Email("ann again"));
    }

    @Test
    void advance_bringsLaterJobsNearer() {
        Instant before = queue.now();
        millrace.enqueue(EMAIL, new Email("later"), o -> o.in(Duration.ofDays(3)));
        assertThat(queue.drain().attempts()).isEmpty();

        queue.advance(Duration.ofDays(2));
        assertThat(queue.drain().attempts()).isEmpty();
        queue.advanceTo(before.plus(Duration.ofDays(3)).plusSeconds(60));

        assertThat(queue.drain().completed()).isEqualTo(1);
        assertThat(Duration.between(before, queue.now())).isGreaterThanOrEqualTo(Duration.ofDays(3));
    }

    @Test
    void failures_areTold_andRetriedWhenTheClockIsSet() {
        millrace.enqueue(EMAIL, new Email(""), o -> o.maxAttempts(2));

        Drained first = queue.drain();
        assertThat(first.retryable()).isEqualTo(1);
        assertThatThrownBy(first::requireNoFailure)
                .isInstanceOf(AssertionError.class)
                .hasRootCauseMessage("no address");

        queue.advance(Duration.ofHours(1));
        assertThat(queue.drain().discarded()).isEqualTo(1);
    }

    @Test
    void interceptors_ofTheQueueAndOfAProvider_goAroundEachHandler() {
        millrace.enqueue(EMAIL, new Email("ann"));
        try (TestQueue intercepted = TestQueue.on(database)
                .intercept((job, args, next) -> {
                    sent.add("outer");
                    return next.proceed(args);
                })
                .handlers(handlers -> handlers.handle(EMAIL, (job, email) -> sent.add(email.to()))
                        .intercept((job, args, next) -> next.proceed(args.replace("ann", "bob"))))
                .open()) {
            intercepted.drain().requireNoFailure();
        }

        assertThat(sent).containsExactly("outer", "bob");
    }

    @Test
    void enqueuedInATransaction_isSeenByIt_beforeItsCommit() throws SQLException {
        try (Connection connection = database.unpooled().getConnection()) {
            connection.setAutoCommit(false);
            millrace.enqueue(connection, EMAIL, new Email("a"));

            assertThat(queue.enqueued(connection, EMAIL)).containsExactly(new Email("a"));
            assertThat(queue.enqueued(EMAIL)).isEmpty();
            connection.rollback();
        }
    }

    @Test
    void wrongExpectation_saysWhatThereIs() {
        millrace.enqueue(EMAIL, new Email("a"));

        assertThatThrownBy(() -> queue.requireEnqueued(EMAIL, new Email("b")))
                .isInstanceOf(AssertionError.class)
                .hasMessage("Expected jobs of kind 'email' with [Email[to=b]], but there are [Email[to=a]]");
        assertThatThrownBy(() -> queue.requireNoneEnqueued(EMAIL)).hasMessageContaining("Email[to=a]");
        assertThatThrownBy(() -> queue.advance(Duration.ofSeconds(-1))).hasMessageContaining("forward only");
    }

    @Test
    void endlessJobs_areGivenUp() {
        try (TestQueue endless = TestQueue.on(database)
                .handleResult(EMAIL, (job, email) -> Result.snooze(Duration.ZERO))
                .mostAttempts(50)
                .open()) {
            millrace.enqueue(EMAIL, new Email("a"));

            assertThatThrownBy(endless::drain)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("of kind email: do they enqueue, snooze or retry themselves without end?");
        }
    }
}
