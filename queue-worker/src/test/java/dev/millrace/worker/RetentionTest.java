package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.Database;
import dev.millrace.job.JobState;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** History is kept for as long as was asked, and not much longer. Time is made by writing rows that ended in the past. */
@PostgresTest
class RetentionTest {

    record Nothing() {}

    private static final JobType<Nothing> NOTHING = JobType.of("nothing", Nothing.class);
    /** A pass rests nineteen times as long as its step took: a step that stalls for three seconds costs a minute. */
    private static final Duration SOON = Duration.ofMinutes(3);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private Millrace millrace;

    RetentionTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, queue, worker, leader, unique_key; DELETE FROM retention WHERE queue <> '';"
                + " SELECT set_retention(NULL, 'completed', '24 hours'), set_retention(NULL, 'cancelled', '24 hours'),"
                + " set_retention(NULL, 'discarded', '7 days')");
        millrace = Millrace.connect(Database.of(database.url()));
        opened.add(millrace);
    }

    @AfterEach
    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private Worker start() {
        Worker worker = Worker.builder(Database.of(database.url()))
                .grace(Duration.ZERO)
                .handle(NOTHING, (job, nothing) -> {})
                .build();
        opened.add(worker);
        worker.start();
        return worker;
    }

    /** Makes the partition of a day in the past, as if maintenance had made it before that day. */
    private String dayPartition(int daysAgo) {
        String name = database.queryString(
                "SELECT 'job_finalized_' || to_char((now() AT TIME ZONE 'UTC')::date - ?, 'YYYYMMDD')", daysAgo);
        if (database.queryString("SELECT to_regclass(?)::text", name) == null) {
            database.execute("""
                    DO $$ DECLARE day date := (now() AT TIME ZONE 'UTC')::date - %d; BEGIN
                        EXECUTE format('CREATE TABLE %s PARTITION OF job_finalized FOR VALUES FROM (%%L) TO (%%L)',
                            day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
                    END $$""".formatted(daysAgo, name));
        }
        return name;
    }

    private void history(String state, String queue, int daysAgo, int rows) {
        database.execute(
                "INSERT INTO job (kind, state, queue, attempt, finalized_at)"
                        + " SELECT 'k', ?, ?, 1, now() - ? * interval '24 hours' FROM generate_series(1, ?)",
                state,
                queue,
                daysAgo,
                rows);
    }

    private long rows(String state, int daysAgo) {
        return database.queryLong(
                "SELECT count(*) FROM job WHERE state = ? AND finalized_at BETWEEN now() - ? * interval '24 hours' - interval '1 hour'"
                        + " AND now() - ? * interval '24 hours' + interval '1 hour'",
                state,
                daysAgo,
                daysAgo);
    }

    private boolean exists(String table) {
        return database.queryString("SELECT to_regclass(?)::text", table) != null;
    }

    @Test
    void day_allOver_isDroppedAndItsKeysAreReleased() {
        String old = dayPartition(10);
        String young = dayPartition(1);
        history("completed", "default", 10, 3_000);
        history("discarded", "default", 10, 10);
        history("completed", "default", 1, 5);
        database.execute("""
                WITH keyed AS (
                    UPDATE job_finalized SET unique_key = decode(md5(id::text), 'hex'), unique_states = '{completed,discarded}'
                    RETURNING id, unique_key
                ) INSERT INTO unique_key (key, job_id) SELECT unique_key, id FROM keyed""");
        start();

        await().atMost(SOON).until(() -> !exists(old));

        assertThat(exists(young)).isTrue();
        assertThat(rows("completed", 1)).isEqualTo(5);
        assertThat(database.queryLong("SELECT count(*) FROM unique_key")).isEqualTo(5);
        assertThat(
                        database.queryLong(
                                "SELECT count(*) FROM unique_key AS k JOIN job AS j ON j.id = k.job_id AND j.unique_key = k.key"))
                .isEqualTo(5);
    }

    @Test
    void day_overButForFewRows_isDroppedAndTheseAreMoved() {
        String day = dayPartition(4);
        history("completed", "default", 4, 20_000);
        history("cancelled", "default", 4, 5);
        history("discarded", "default", 4, 40);
        millrace.queues().retention("audit", JobState.COMPLETED, Duration.ofDays(30));
        history("completed", "audit", 4, 60);
        start();

        await().atMost(SOON).until(() -> !exists(day));

        assertThat(rows("completed", 4)).isEqualTo(60);
        assertThat(rows("discarded", 4)).isEqualTo(40);
        assertThat(rows("cancelled", 4)).isZero();
        assertThat(database.queryLong("SELECT count(*) FROM job_finalized_default"))
                .isEqualTo(100);
    }

    @Test
    void day_withManyRowsThatAreKept_losesTheOthersOneByOne() {
        String day = dayPartition(4);
        history("discarded", "default", 4, 10_500);
        history("completed", "default", 4, 9_000);
        start();

        await().atMost(SOON)
                .untilAsserted(() -> assertThat(rows("completed", 4)).isZero());

        assertThat(exists(day)).isTrue();
        assertThat(rows("discarded", 4)).isEqualTo(10_500);
    }

    @Test
    void day_inUse_isNotWaitedForAndGoesLater() throws Exception {
        String day = dayPartition(10);
        history("completed", "default", 10, 10);
        // The pass goes on behind the day that it could not drop: this row comes after it.
        history("completed", "default", 300, 1);
        try (Connection reader = database.connect();
                Statement statement = reader.createStatement()) {
            reader.setAutoCommit(false);
            statement.execute("SELECT count(*) FROM millrace.job");
            start();
            await().atMost(SOON).until(() -> rows("completed", 300) == 0);
            millrace.enqueue(NOTHING, new Nothing());
            await().atMost(SOON).until(() -> rows("completed", 0) == 1);
            assertThat(exists(day)).isTrue();
        }
        millrace.queues().retention(null, JobState.COMPLETED, Duration.ofHours(25));

        await().atMost(SOON).until(() -> !exists(day));
    }

    @Test
    void ruleBelowADay_deletesRowsOfToday() {
        database.execute(
                "INSERT INTO job (kind, state, queue, finalized_at) SELECT 'k', 'completed', q, clock_timestamp()"
                        + " FROM unnest(ARRAY['short', 'long']) AS q, generate_series(1, 50)");
        millrace.queues().retention("short", JobState.COMPLETED, Duration.ofMillis(1));
        start();

        await().atMost(SOON)
                .until(() ->
                        database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND queue = 'short'")
                                == 0);

        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND queue = 'long'"))
                .isEqualTo(50);
    }

    @Test
    void noHistory_jobIsGoneAtItsCompletionAndSoIsItsKey() {
        millrace.queues().retention("default", JobState.COMPLETED, Duration.ZERO);
        TestSignal<Long> failed = new TestSignal<>();
        Worker worker = Worker.builder(Database.of(database.url()))
                .handle(NOTHING, (job, nothing) -> {
                    if (job.maxAttempts() == 1) {
                        failed.accept(job.id());
                        throw new IllegalStateException("on purpose");
                    }
                })
                .queue("default", 5)
                .queue("other", 5)
                .build();
        opened.add(worker);
        worker.start();
        database.execute(
                "SELECT enqueue('nothing', unique_by => '{word}', unique_word => 'w', unique_states => '{running,completed}')");
        long kept = millrace.enqueue(NOTHING, new Nothing(), o -> o.queue("other"));
        long bad = millrace.enqueue(NOTHING, new Nothing(), o -> o.maxAttempts(1));

        await().atMost(SOON)
                .until(() ->
                        database.queryLong("SELECT count(*) FROM job WHERE state IN ('available', 'running')") == 0);

        assertThat(database.query("SELECT id, state FROM job ORDER BY id").toString())
                .isEqualTo("[{id=" + kept + ", state=completed}, {id=" + bad + ", state=discarded}]");
        assertThat(database.queryLong("SELECT count(*) FROM unique_key")).isZero();
    }

    @Test
    void dayWithoutPartition_isMadeAndTakesItsRowsIn() {
        String today = dayPartition(0);
        database.execute("DROP TABLE " + today);
        history("completed", "default", 0, 20);
        assertThat(database.queryLong("SELECT count(*) FROM job_finalized_default"))
                .isEqualTo(20);
        start();

        await().atMost(SOON).until(() -> exists(today));

        await().atMost(SOON).until(() -> database.queryLong("SELECT count(*) FROM " + today) == 20);
        assertThat(database.queryLong("SELECT count(*) FROM job_finalized_default"))
                .isZero();
        assertThat(database.queryLong("SELECT count(*) FROM pg_inherits WHERE inhparent = 'job_finalized'::regclass"))
                .isGreaterThanOrEqualTo(5);
    }

    @Test
    void dayWithoutPartition_tooManyRows_staysInTheDefaultOne() {
        String today = dayPartition(0);
        database.execute("DROP TABLE " + today);
        history("completed", "default", 0, 10_500);
        history("completed", "default", 300, 1);
        try {
            start();

            await().atMost(SOON).until(() -> rows("completed", 300) == 0);
            assertThat(exists(today)).isFalse();
            assertThat(rows("completed", 0)).isEqualTo(10_500);
        } finally {
            database.execute("TRUNCATE job");
            dayPartition(0);
        }
    }

    @Test
    void stateWithoutARule_isKeptForEver() {
        database.execute("DELETE FROM retention WHERE state = 'discarded'");
        String day = dayPartition(20);
        history("completed", "default", 20, 10);
        history("discarded", "default", 20, 10);
        try {
            start();

            await().atMost(SOON).until(() -> !exists(day));
            assertThat(rows("discarded", 20)).isEqualTo(10);
            assertThat(rows("completed", 20)).isZero();
        } finally {
            database.execute("INSERT INTO retention (state, keep) VALUES ('discarded', '7 days')");
        }
    }

    @Test
    void pass_whoseSessionsAreKilled_losesNoRowThatIsKept() {
        String day = dayPartition(4);
        history("completed", "default", 4, 20_000);
        history("discarded", "default", 4, 40);
        start();
        int[] kills = {0};
        await().pollInterval(Duration.ofMillis(150)).atMost(SOON).until(() -> {
            if (kills[0]++ < 6) {
                database.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                                + " AND application_name LIKE 'millrace/%/work#%'");
            } else {
                // A step that has failed is left to the next pass: which begins when settings may have changed.
                database.execute("SELECT pg_notify('millrace', 'settings')");
            }
            assertThat(rows("discarded", 4)).isEqualTo(40);
            return !exists(day);
        });

        assertThat(rows("discarded", 4)).isEqualTo(40);
        assertThat(rows("completed", 4)).isZero();
    }

    @Test
    void history_whileItIsDropped_takesCompletionsAllTheTime() {
        for (int daysAgo = 10; daysAgo < 18; daysAgo++) {
            dayPartition(daysAgo);
            history("completed", "default", daysAgo, 500);
        }
        Worker worker = start();
        long began = System.nanoTime();
        int jobs = 0;
        while (database.queryLong("SELECT count(*) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
                        + " WHERE i.inhparent = 'job_finalized'::regclass AND c.relname < 'job_finalized_'"
                        + " || to_char(now() - interval '9 days', 'YYYYMMDD') AND c.relname ~ '[0-9]{8}'")
                > 0) {
            millrace.enqueueAll(NOTHING, Stream.generate(Nothing::new).limit(50));
            jobs += 50;
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .as("days are dropped in time")
                    .isLessThan(SOON);
            // However long that takes: not many more than are completed meanwhile.
            await().pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(5))
                    .atMost(SOON)
                    .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'available'") < 1_000);
        }
        long expected = jobs;

        await().atMost(SOON).until(() -> rows("completed", 0) == expected);
        assertThat(worker.metrics().count(ConnectionMetrics.Counter.LEASES_LOST))
                .isZero();
    }

    @Test
    void parents_getStatistics() {
        history("completed", "default", 0, 100);
        start();

        await().atMost(SOON)
                .until(() -> database.queryLong(
                                "SELECT count(*) FROM pg_stats WHERE schemaname = 'millrace' AND tablename = 'job' AND inherited")
                        > 0);
    }
}
