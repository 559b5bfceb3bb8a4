package dev.millrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.connection.Database;
import dev.millrace.enqueue.EnqueueException;
import dev.millrace.jdbi.JdbiEnqueue;
import dev.millrace.job.ArgsException;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetryPolicy;
import dev.millrace.job.Unique;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

@PostgresTest
class EnqueueTest {

    record Email(String to, int size) {}

    private static final JobType<Email> EMAIL = JobType.of("send_email", Email.class);

    private final TestDatabase database;
    private Millrace millrace;

    EnqueueTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job");
        millrace = Millrace.connect(Database.of(database.url()));
    }

    @AfterEach
    void close() {
        millrace.close();
    }

    @Test
    void enqueue_oneJob_isAvailableWithDefaults() {
        long id = millrace.enqueue(EMAIL, new Email("a@example.com", 3));

        Map<String, Object> job = database.query("SELECT * FROM job").get(0);
        assertThat(job)
                .containsEntry("id", id)
                .containsEntry("state", "available")
                .containsEntry("queue", "default")
                .containsEntry("kind", "send_email")
                .containsEntry("attempt", 0)
                .containsEntry("max_attempts", 25)
                .containsEntry("priority", 2);
        assertThat(job.get("args")).hasToString("{\"to\": \"a@example.com\", \"size\": 3}");
        assertThat(database.queryString("SELECT tableoid::regclass::text FROM job"))
                .endsWith("job_available");
        assertThat(database.queryString("SELECT args::text FROM job")).doesNotContain("Email");
    }

    @Test
    void enqueue_withAllOptions_storesThem() {
        Instant at = Instant.parse("2100-01-02T03:04:05.678901Z");
        millrace.enqueue(
                EMAIL,
                new Email("a", 1),
                o -> o.queue("mail")
                        .priority(1)
                        .at(at)
                        .maxAttempts(3)
                        .timeout(Duration.ofSeconds(90))
                        .tags("x", "y\"z")
                        .metadata("{\"k\": [1, 2]}"));

        Map<String, Object> job = database.query(
                        "SELECT state, queue, priority, max_attempts, timeout::text, tags::text, metadata::text, scheduled_at = ?::timestamptz AS due FROM job",
                        at.toString())
                .get(0);
        assertThat(job)
                .containsEntry("state", "scheduled")
                .containsEntry("queue", "mail")
                .containsEntry("priority", 1)
                .containsEntry("max_attempts", 3)
                .containsEntry("timeout", "00:01:30")
                .containsEntry("tags", "{x,\"y\\\"z\"}")
                .containsEntry("metadata", "{\"k\": [1, 2]}")
                .containsEntry("due", true);
    }

    @Test
    void enqueue_retryPolicy_isStoredWhicheverWayItIsEnqueued() throws SQLException {
        JobType<Email> patient = EMAIL.withDefaults(o -> o.retryPolicy(RetryPolicy.fixed(Duration.ofMinutes(1))));
        millrace.enqueue(
                EMAIL,
                new Email("own", 1),
                o -> o.retryPolicy(RetryPolicy.exponential(Duration.ofSeconds(1), 2, Duration.ofHours(1))));
        millrace.enqueue(patient, new Email("later", 1), o -> o.in(Duration.ofHours(1)));
        millrace.enqueueAll(patient, Stream.of(new Email("bulk", 1)));
        millrace.enqueue(EMAIL, new Email("none", 1));
        millrace.enqueue(patient, new Email("unique", 1), o -> o.unique(Unique.byArgs()));
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            millrace.enqueue(connection, patient, new Email("callers", 1));
            connection.commit();
        }
        Jdbi.create(database::connect)
                .useTransaction(handle -> new JdbiEnqueue(millrace).enqueue(handle, patient, new Email("handles", 1)));

        assertThat(database.query("SELECT args->>'to' AS who, retry_policy AS policy FROM job"))
                .extracting(job -> job.get("who") + ": " + job.get("policy"))
                .containsExactlyInAnyOrder(
                        "own: exponential 1s 2.0 1h",
                        "later: fixed 1m",
                        "bulk: fixed 1m",
                        "none: null",
                        "callers: fixed 1m",
                        "unique: fixed 1m",
                        "handles: fixed 1m");
    }

    @Test
    void enqueue_atPastMoment_isAvailable() {
        millrace.enqueue(EMAIL, new Email("a", 1), o -> o.at(Instant.parse("2001-01-01T00:00:00Z")));

        assertThat(database.queryString("SELECT state FROM job")).isEqualTo("available");
    }

    @Test
    void enqueue_inFuture_isScheduledByTheDatabasesClock() {
        millrace.enqueue(EMAIL, new Email("a", 1), o -> o.in(Duration.ofMinutes(5)));

        assertThat(
                        database.queryLong(
                                "SELECT count(*) FROM job WHERE state = 'scheduled' AND scheduled_at BETWEEN now() + interval '4 min 50 s' AND now() + interval '5 min'"))
                .isEqualTo(1);
    }

    @Test
    void enqueue_inCallersTransaction_followsCommitAndRollback() throws SQLException {
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            millrace.enqueue(connection, EMAIL, new Email("gone", 1));
            assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
            connection.rollback();
            assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();

            millrace.enqueue(connection, EMAIL, new Email("kept", 1));
            assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
            connection.commit();
        }
        assertThat(database.queryString("SELECT args->>'to' FROM job")).isEqualTo("kept");
    }

    @Test
    void enqueue_inCallersTransaction_notifiesOnceAtCommit() throws SQLException {
        try (Connection listener = database.connect();
                Connection connection = database.connect()) {
            listener.createStatement().execute("LISTEN millrace");
            connection.setAutoCommit(false);
            millrace.enqueue(connection, EMAIL, new Email("a", 1));
            millrace.enqueue(connection, EMAIL, new Email("b", 1));
            millrace.enqueue(connection, EMAIL, new Email("c", 1), o -> o.queue("mail"));
            connection.commit();

            List<String> payloads = new ArrayList<>();
            while (payloads.size() < 2) {
                PGNotification[] received = listener.unwrap(PGConnection.class).getNotifications(5_000);
                assertThat(received).isNotEmpty();
                Stream.of(received).map(PGNotification::getParameter).forEach(payloads::add);
            }
            assertThat(payloads).containsExactlyInAnyOrder("available default", "available mail");
        }
    }

    @Test
    void enqueue_inOwnTransaction_wakesAfterTheCommit() throws SQLException {
        try (Connection listener = database.connect()) {
            listener.createStatement().execute("LISTEN millrace");
            millrace.enqueue(EMAIL, new Email("a", 1));
            PGNotification[] received = listener.unwrap(PGConnection.class).getNotifications(5_000);
            assertThat(received).extracting(PGNotification::getParameter).contains("available default");
        }
    }

    @Test
    void enqueue_inJdbiHandle_followsItsTransaction() {
        JdbiEnqueue jdbiEnqueue = new JdbiEnqueue(millrace);
        Jdbi jdbi = Jdbi.create(database.dataSource());
        jdbi.useTransaction(handle -> {
            jdbiEnqueue.enqueue(handle, EMAIL, new Email("a", 1));
            jdbiEnqueue.enqueueAll(handle, EMAIL, Stream.of(new Email("b", 1), new Email("c", 1)));
            handle.rollback();
        });
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();

        jdbi.useTransaction(
                handle -> jdbiEnqueue.enqueueAll(handle, EMAIL, Stream.of(new Email("b", 1), new Email("c", 1))));
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(2);
    }

    @Test
    void enqueueAll_manyChunks_returnsIdsInOrder() {
        List<Long> ids = new ArrayList<>();
        Iterator<NewJob> jobs = millrace.newJobs(
                EMAIL,
                IntStream.range(0, 12_345).mapToObj(i -> new Email("x" + i, i)).iterator());

        assertThat(millrace.enqueueAll(jobs, ids::add)).isEqualTo(12_345);

        assertThat(ids).hasSize(12_345).isSorted().doesNotHaveDuplicates();
        List<Map<String, Object>> rows = database.query("SELECT id, (args->>'size')::int AS size FROM job ORDER BY id");
        assertThat(rows).hasSize(12_345);
        for (int i = 0; i < rows.size(); i++) {
            assertThat(rows.get(i)).containsEntry("id", ids.get(i)).containsEntry("size", i);
        }
    }

    @Test
    void enqueueAll_mixedOptions_equalsSingleInserts() {
        Instant at = Instant.parse("2100-01-02T03:04:05.678901Z");
        List<EnqueueOptions> all = List.of(
                EnqueueOptions.DEFAULTS,
                EnqueueOptions.DEFAULTS
                        .queue("mäil")
                        .priority(4)
                        .maxAttempts(1)
                        .timeout(Duration.ofMillis(1_500))
                        .tags("a", "ü")
                        .metadata("{\"m\": true}"),
                EnqueueOptions.DEFAULTS.at(at),
                EnqueueOptions.DEFAULTS.at(Instant.parse("1999-12-31T23:59:59.000001Z")));
        for (EnqueueOptions options : all) {
            millrace.enqueue(new NewJob("k", "{\"a\": \"\\\\ \\n ü €\"}", options));
        }
        millrace.enqueueAll(
                all.stream()
                        .map(options -> new NewJob("k", "{\"a\": \"\\\\ \\n ü €\"}", options))
                        .iterator(),
                id -> {});

        List<Map<String, Object>> rows = database.query("""
                SELECT count(*) AS n, state, queue, priority, max_attempts, timeout, tags, metadata, args,
                    CASE WHEN queue = 'default' AND scheduled_at BETWEEN now() - interval '1 hour' AND now() THEN 'now' ELSE scheduled_at::text END
                FROM job GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, CASE WHEN queue = 'default' AND scheduled_at BETWEEN now() - interval '1 hour' AND now()
                    THEN 'now' ELSE scheduled_at::text END, tableoid""");
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(8);
        assertThat(database.queryLong("""
                SELECT count(*) FROM (SELECT state, queue, priority, max_attempts, timeout, tags, metadata, args,
                    CASE WHEN scheduled_at < now() - interval '1 day' OR scheduled_at > now() + interval '1 day' THEN scheduled_at END
                    FROM job GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 HAVING count(*) = 2) AS pairs""")).isEqualTo(4);
        assertThat(rows).isNotEmpty();
    }

    @Test
    void enqueueAll_streamFailsInTheMiddle_insertsNothing() {
        Stream<Email> jobs = IntStream.range(0, 20_000).mapToObj(i -> {
            if (i == 15_000) {
                throw new IllegalStateException("stream broke");
            }
            return new Email("x", i);
        });

        assertThatThrownBy(() -> millrace.enqueueAll(EMAIL, jobs))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("stream broke");

        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
        assertThat(millrace.enqueueAll(EMAIL, Stream.of(new Email("next", 1)))).isEqualTo(1);
    }

    @Test
    void enqueueAll_sourceUsesTheCallersConnection_isReadBetweenStatements() throws SQLException {
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            Stream<Email> jobs =
                    IntStream.range(0, 12_000).mapToObj(i -> new Email(i % 1_000 == 0 ? now(connection) : "x", i));

            assertThat(millrace.enqueueAll(connection, EMAIL, jobs)).isEqualTo(12_000);
            connection.commit();
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(12_000);
    }

    private static String now(Connection connection) {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT now()::text")) {
            row.next();
            return row.getString(1);
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    @Test
    void enqueueAll_jobRefusedWhileTheNextAreRead_insertsNothing() {
        Iterator<NewJob> jobs = IntStream.range(0, 12_000)
                .mapToObj(i -> new NewJob("k", i == 100 ? "{\"broken\":" : "{}", EnqueueOptions.DEFAULTS))
                .iterator();

        assertThatThrownBy(() -> millrace.enqueueAll(jobs, id -> {}))
                .isInstanceOf(EnqueueException.class)
                .hasMessageContaining("json");

        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
        assertThat(millrace.enqueueAll(EMAIL, Stream.of(new Email("next", 1)))).isEqualTo(1);
    }

    @Test
    void enqueueAll_oneJobRefusedByTheDatabase_insertsNothing() {
        Iterator<NewJob> jobs = Stream.of(
                        new NewJob("k", "{}", EnqueueOptions.DEFAULTS),
                        new NewJob("k", "{\"broken\":", EnqueueOptions.DEFAULTS))
                .iterator();

        assertThatThrownBy(() -> millrace.enqueueAll(jobs, id -> {})).isInstanceOf(EnqueueException.class);

        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
    }

    @Test
    void enqueue_argsOverTheLimit_areRefusedWithSizeAndLimit() {
        try (Millrace small =
                Millrace.builder(Database.of(database.url())).maxArgsBytes(100).connect()) {
            assertThatThrownBy(() -> small.enqueue(EMAIL, new Email("x".repeat(100), 1)))
                    .isInstanceOf(ArgsException.class)
                    .hasMessageContaining("limit is 100");
            assertThatThrownBy(() ->
                            small.enqueueAll(EMAIL, Stream.of(new Email("ok", 1), new Email("x".repeat(100), 1))))
                    .isInstanceOf(ArgsException.class);
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
    }

    @Test
    void enqueue_nulInArgs_isRefused_butEscapedBackslashIsNot() {
        assertThatThrownBy(() -> millrace.enqueue(EMAIL, new Email("a\0b", 1)))
                .isInstanceOf(ArgsException.class)
                .hasMessageContaining("NUL");
        millrace.enqueue(EMAIL, new Email("a\\u0000b", 1));
        assertThat(database.queryString("SELECT args->>'to' FROM job")).isEqualTo("a\\u0000b");
    }

    @Test
    void close_twice_leavesNothing() {
        millrace.close();
        millrace.close();
    }
}
