package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.Worker;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

@PostgresTest
class ArgsEncryptionTest {

    record Card(String number) {}

    private static final JobType<Card> CHARGE = JobType.of("charge", Card.class).withDefaults(o -> o.maxAttempts(1));
    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final TestSignal<String> handled = new TestSignal<>();

    ArgsEncryptionTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, worker");
    }

    private static SecretKey key(int seed) {
        byte[] bytes = new byte[32];
        bytes[0] = (byte) seed;
        return new SecretKeySpec(bytes, "AES");
    }

    private static ArgsEncryption encryption(String current, Map<String, SecretKey> keys) {
        return new ArgsEncryption(Set.of("charge", "refund"), current, keys);
    }

    private void enqueue(ArgsEncryption encryption, String... numbers) {
        try (Millrace millrace = Millrace.builder(Database.of(database.url()))
                .intercept(encryption)
                .connect()) {
            millrace.enqueueAll(CHARGE, Stream.of(numbers).map(Card::new));
        }
    }

    private void workUntil(ArgsEncryption encryption, String state, long jobs) {
        try (Worker worker = Worker.builder(Database.of(database.url()))
                .intercept(encryption)
                .handle(CHARGE, (job, card) -> handled.accept(card.number()))
                .handle(JobType.of("refund", Card.class), (job, card) -> handled.accept("refund " + card.number()))
                .handle(JobType.of("plain", Card.class), (job, card) -> handled.accept("plain " + card.number()))
                .build()) {
            worker.start();
            await().atMost(SOON)
                    .untilAsserted(
                            () -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = ?", state))
                                    .isEqualTo(jobs));
        }
    }

    private String error() {
        return String.valueOf(database.queryString("SELECT errors->0->>'message' FROM job WHERE state = 'discarded'"));
    }

    @Test
    void args_encrypted_areSecretInTheDatabaseAndPlainToTheHandler() {
        enqueue(encryption("k1", Map.of("k1", key(1))), "4111", "4111");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE job::text LIKE '%4111%'"))
                .isZero();
        assertThat(database.queryLong("SELECT count(DISTINCT args->>'sealed') FROM job WHERE args->>'key' = 'k1'"))
                .isEqualTo(2);

        workUntil(encryption("k1", Map.of("k1", key(1))), "completed", 2);
        assertThat(handled.all()).containsExactly("4111", "4111");
    }

    @Test
    void args_keyRotated_oldJobsAreStillRead() {
        enqueue(encryption("k1", Map.of("k1", key(1))), "old");
        ArgsEncryption rotated = encryption("k2", Map.of("k1", key(1), "k2", key(2)));
        enqueue(rotated, "new");
        assertThat(database.queryString("SELECT string_agg(args->>'key', ' ' ORDER BY id) FROM job"))
                .isEqualTo("k1 k2");

        workUntil(rotated, "completed", 2);
        assertThat(handled.all()).containsExactlyInAnyOrder("old", "new");
    }

    @Test
    void args_wrongKey_failsThatJobWithAClearErrorAndNoOther() {
        enqueue(encryption("k1", Map.of("k1", key(9))), "lost");
        enqueue(encryption("k2", Map.of("k2", key(2))), "found");
        ArgsEncryption worker = encryption("k2", Map.of("k1", key(1), "k2", key(2)));

        workUntil(worker, "discarded", 1);
        workUntil(worker, "completed", 1);
        assertThat(handled.all()).containsExactly("found");
        assertThat(error()).contains("can't decrypt the arguments of job", "key 'k1' is another than theirs");
        assertThat(error()).doesNotContain("lost");
    }

    @Test
    void args_unknownKey_saysWhichIsMissing() {
        enqueue(encryption("k3", Map.of("k3", key(3))), "x");
        workUntil(encryption("k1", Map.of("k1", key(1))), "discarded", 1);
        assertThat(error()).contains("can't decrypt", "key 'k3' is not known here");
    }

    @Test
    void args_notEncryptedOrChangedOrOfAnotherKind_areRefused() {
        ArgsEncryption encryption = encryption("k1", Map.of("k1", key(1)));
        enqueue(encryption, "a", "b");
        database.execute("""
                UPDATE job_available SET kind = 'refund', max_attempts = 1 WHERE id = (SELECT min(id) FROM job_available);
                UPDATE job_available SET args = jsonb_set(args, '{sealed}', to_jsonb('AAAA' || substr(args->>'sealed', 5)))
                    WHERE kind = 'charge';
                INSERT INTO job (kind, args, max_attempts)
                VALUES ('charge', '{"number": "plain"}', 1), ('charge', '"text"', 1), ('charge', '{"key":"k1","iv":"?","sealed":"?"}', 1),
                    ('plain', '{"number": "of another kind"}', 1)""");

        workUntil(encryption, "discarded", 5);
        workUntil(encryption, "completed", 1);
        assertThat(handled.all()).containsExactly("plain of another kind");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE errors->0->>'message' LIKE 'can''t decrypt%'"))
                .isEqualTo(5);
    }

    @Test
    void encryption_currentKeyMissing_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> encryption("k2", Map.of("k1", key(1))))
                .withMessage("Key 'k2' is not among [k1]");
    }

    @Test
    void loggingContext_holdsTheJobWhileItRunsAndNoLonger() {
        TestSignal<String> context = new TestSignal<>();
        try (Millrace millrace = Millrace.connect(Database.of(database.url()));
                Worker worker = Worker.builder(Database.of(database.url()))
                        .queue("default", 1)
                        .intercept((job, args, next) -> {
                            try {
                                return next.proceed(args);
                            } finally {
                                context.accept("after " + MDC.get("job_id"));
                            }
                        })
                        .intercept(new LoggingContext())
                        .handle(CHARGE, (job, card) -> {
                            context.accept(MDC.get("job_id") + " " + MDC.get("job_kind") + " " + MDC.get("job_queue"));
                            throw new IllegalStateException("also when it fails");
                        })
                        .build()) {
            long id = millrace.enqueue(CHARGE, new Card("x"));
            worker.start();
            context.await(text -> text.startsWith("after"), SOON);
            assertThat(context.all()).containsExactly(id + " charge default", "after null");
        }
    }
}
