package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.OutputTooLargeException;
import dev.millrace.worker.handler.Result;
import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class ResultTest {

    private final TestDatabase database;
    private WorkerRig rig;

    ResultTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() {
        rig = new WorkerRig(database);
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
    }

    @Test
    void snoozeUntil_moment_isKeptByTheDatabasesClockAndBurnsNoAttempt() {
        Instant moment = Instant.parse("2100-01-02T03:04:05Z");
        rig.enqueue(1);
        rig.start(rig.worker().handleResult(NUMBER, (job, number) -> Result.snoozeUntil(moment)));

        rig.awaitState("scheduled", 1);
        assertThat(database.queryLong("SELECT attempt FROM job")).isZero();
        // The moment is made a delay by one statement and a moment again by the next.
        assertThat(database.queryLong(
                        "SELECT (extract(epoch FROM scheduled_at - ?::timestamptz) * 1000)::bigint FROM job",
                        moment.toString()))
                .isBetween(0L, 10_000L);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE errors IS NOT NULL"))
                .isZero();
    }

    @Test
    void snoozeUntilAndRetryAt_pastMoment_areAtOnce() {
        Instant past = Instant.parse("2001-01-01T00:00:00Z");
        AtomicInteger calls = new AtomicInteger();
        rig.enqueue(1);
        rig.start(rig.worker().handleResult(NUMBER, (job, number) -> switch (calls.incrementAndGet()) {
            case 1 -> Result.snoozeUntil(past);
            case 2 -> Result.retryAt(past, "busy");
            default -> Result.done();
        }));

        rig.awaitState("completed", 1);
        assertThat(database.queryLong("SELECT attempt FROM job")).isEqualTo(2);
        assertThat(rig.error("message")).isEqualTo("busy");
    }

    @Test
    void retryAt_moment_countsTheAttemptAndIgnoresThePolicy() {
        Instant moment = Instant.parse("2100-01-02T03:04:05Z");
        rig.enqueue(1);
        rig.start(rig.worker()
                .handleResult(
                        NUMBER,
                        (job, number) -> Result.retryAt(moment, "closed"),
                        RetryPolicy.fixed(Duration.ofMillis(1))));

        rig.awaitState("retryable", 1);
        assertThat(database.queryLong(
                        "SELECT count(*) FROM job WHERE attempt = 1 AND scheduled_at >= ?::timestamptz",
                        moment.toString()))
                .isEqualTo(1);
        assertThat(rig.error("type") + ": " + rig.error("message")).isEqualTo("retry: closed");
    }

    @Test
    void fail_reason_isAFailedAttemptByThePolicyUntilNoneIsLeft() {
        TestSignal<String> seen = new TestSignal<>();
        rig.millrace().enqueue(NUMBER, new WorkerRig.Number(1), o -> o.maxAttempts(2));
        rig.start(rig.worker().handleResult(NUMBER, (job, number) -> Result.fail("no luck"), (attempt, error) -> {
            seen.accept(attempt + " " + error.getMessage());
            return Duration.ZERO;
        }));

        rig.awaitState("discarded", 1);
        assertThat(seen.all()).startsWith("1 no luck");
        assertThat(
                        database.queryString(
                                "SELECT string_agg(e->>'type' || ' ' || (e->>'message'), ', ') FROM job, jsonb_array_elements(errors) AS e"))
                .isEqualTo("failed no luck, failed no luck");
    }

    @Test
    void fail_errors_keepTheNewestTwentyFive() {
        database.execute("""
                INSERT INTO job (kind, args, attempt, max_attempts, errors) SELECT 'number', '{"n": 1}', 25, 26,
                    jsonb_agg(jsonb_build_object('attempt', a) ORDER BY a) FROM generate_series(1, 25) AS a""");
        rig.start(rig.worker().handleResult(NUMBER, (job, number) -> Result.fail("once more")));

        rig.awaitState("discarded", 1);
        assertThat(
                        database.queryString(
                                "SELECT jsonb_array_length(errors) || ' ' || (errors->0->>'attempt') || ' ' || (errors->24->>'attempt') FROM job"))
                .isEqualTo("25 2 26");
    }

    @Test
    void discard_reason_endsTheJobWithAttemptsLeft() {
        rig.enqueue(1);
        rig.start(rig.worker().handleResult(NUMBER, (job, number) -> Result.discard("the customer is gone")));

        rig.awaitState("discarded", 1);
        assertThat(database.queryLong("SELECT attempt FROM job")).isEqualTo(1);
        assertThat(rig.error("type") + ": " + rig.error("message")).isEqualTo("discarded: the customer is gone");
    }

    @Test
    void output_atTheLimitInBytes_isKept_andAboveItTheJobIsCompletedWithoutAndWarned() {
        AtomicInteger runs = new AtomicInteger();
        rig.enqueue(48);
        rig.start(rig.worker().maxOutputBytes(100).handleResult(NUMBER, (job, number) -> {
            runs.incrementAndGet();
            return Result.done("ä".repeat(number.n() + 1));
        }));
        rig.awaitState("completed", 1);
        assertThat(database.queryLong("SELECT length(output #>> '{}') FROM job WHERE errors IS NULL"))
                .isEqualTo(49);

        database.execute("TRUNCATE job");
        rig.enqueue(49);
        rig.awaitState("completed", 1);
        assertThat(database.queryString("SELECT output::text FROM job")).isNull();
        assertThat(rig.error("type")).isEqualTo("output_too_large");
        assertThat(rig.error("message")).contains("102 bytes, the limit is 100");
        assertThat(runs).hasValue(2);
        assertThat(rig.warnings("is completed without its output")).hasSize(1);
    }

    @Test
    void output_thatCanNotBeWritten_completesWithoutIt() {
        ArgsCodec broken = new ArgsCodec() {
            @Override
            public String encode(Object value) {
                throw new IllegalStateException("no words for it");
            }

            @Override
            public Object decode(String json, Type type) {
                return new JacksonArgsCodec().decode(json, type);
            }
        };
        rig.enqueue(1);
        rig.start(rig.worker().argsCodec(broken).handleResult(NUMBER, (job, number) -> Result.done("x")));

        rig.awaitState("completed", 1);
        assertThat(rig.error("type")).isEqualTo("output_not_writable");
        assertThat(rig.error("message")).contains("no words for it");
    }

    @Test
    void completeIn_tooLargeOutput_throwsToTheHandlerWhichMayCompleteWithout() {
        TestSignal<Long> bytes = new TestSignal<>();
        rig.enqueue(1);
        rig.start(rig.worker()
                .maxOutputBytes(100)
                .handle(
                        NUMBER,
                        (job, number) -> job.inTransaction(connection -> {
                            try {
                                job.completeIn(connection, "x".repeat(99));
                            } catch (OutputTooLargeException tooLarge) {
                                bytes.accept(tooLarge.bytes());
                                job.completeIn(connection, "shorter");
                            }
                            return null;
                        })));

        assertThat(bytes.await(SOON)).isEqualTo(101);
        rig.awaitState("completed", 1);
        assertThat(database.queryString("SELECT output #>> '{}' FROM job WHERE errors IS NULL"))
                .isEqualTo("shorter");
    }

    @Test
    void result_null_isAFailedAttemptThatSaysSo() {
        rig.millrace().enqueue(NUMBER, new WorkerRig.Number(1), o -> o.maxAttempts(1));
        rig.start(rig.worker().handleResult(NUMBER, (job, number) -> nothing()));

        rig.awaitState("discarded", 1);
        assertThat(rig.error("message")).contains("returned null, not a Result");
    }

    @SuppressWarnings("NullAway") // what code without null checks may do
    private static Result nothing() {
        return null;
    }

    @Test
    void setters_outOfRange_nameTheValueAndTheRange() {
        assertThatThrownBy(() -> rig.worker().maxOutputBytes(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Max output bytes 0 is out of range: 1 to 268435455");
        assertThatThrownBy(() -> Result.snoozeUntil(Instant.MAX))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0001-01-01T00:00:00Z to 9999-12-31T00:00:00Z");
        assertThatThrownBy(() -> Result.retryAt(Instant.MIN, "r")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Result.retryIn(Duration.ofSeconds(-1), "r"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("PT-1S");
    }
}
