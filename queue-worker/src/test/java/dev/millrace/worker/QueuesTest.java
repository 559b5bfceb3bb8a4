package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobState;
import dev.millrace.job.JobType;
import dev.millrace.queue.QueueInfo;
import dev.millrace.queue.RetentionRule;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class QueuesTest {

    record Nothing() {}

    private static final JobType<Nothing> NOTHING = JobType.of("nothing", Nothing.class);
    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    /** Fair, so that those who have waited are let through and not one who has just come. */
    private final Semaphore gate = new Semaphore(0, true);

    private final AtomicInteger running = new AtomicInteger();
    private final AtomicInteger most = new AtomicInteger();
    private Millrace millrace;

    QueuesTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, queue, worker, leader; DELETE FROM retention WHERE queue <> ''");
        millrace = Millrace.connect(Database.of(database.url()));
        opened.add(millrace);
    }

    @AfterEach
    void close() throws Exception {
        gate.release(1_000_000);
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private Worker start(Worker.Builder builder) {
        Worker worker = builder.lease(Duration.ofMinutes(10))
                .grace(Duration.ofSeconds(5))
                .build();
        opened.add(worker);
        worker.start();
        return worker;
    }

    /** Whose jobs run until the gate lets them through. */
    private Worker.Builder gated() {
        return Worker.builder(Database.of(database.url())).handle(NOTHING, (job, nothing) -> {
            int now = running.incrementAndGet();
            most.accumulateAndGet(now, Math::max);
            gate.acquire();
            running.decrementAndGet();
        });
    }

    private void enqueue(int jobs) {
        database.execute("INSERT INTO job (kind) SELECT 'nothing' FROM generate_series(1, ?)", jobs);
        database.execute("SELECT pg_notify('millrace', 'available default')");
    }

    private void awaitRunning(int jobs) {
        await().atMost(SOON).until(() -> running.get() == jobs);
    }

    @Test
    void queue_paused_isNotClaimedFromUntilItIsResumed() {
        TestSignal<Long> handled = new TestSignal<>();
        start(Worker.builder(Database.of(database.url()))
                .queue("default", 5)
                .queue("other", 5)
                .handle(NOTHING, (job, nothing) -> handled.accept(job.id())));
        millrace.queues().pause("default");
        long paused = millrace.enqueue(NOTHING, new Nothing());
        long free = millrace.enqueue(NOTHING, new Nothing(), o -> o.queue("other"));
        assertThat(handled.await(SOON)).isEqualTo(free);
        assertThat(millrace.queues().get("default").isPaused()).isTrue();
        assertThat(millrace.queues().get("default").jobs(JobState.AVAILABLE)).isEqualTo(1);

        millrace.queues().resume("default");

        assertThat(handled.await(SOON)).isEqualTo(paused);
        assertThat(millrace.queues().get("default").isPaused()).isFalse();
    }

    @Test
    void pause_twice_keepsTheFirstMoment() {
        millrace.queues().pause("q");
        QueueInfo first = millrace.queues().get("q");
        millrace.queues().pause("q");

        assertThat(millrace.queues().get("q").pausedAt())
                .isEqualTo(first.pausedAt())
                .isNotNull();
    }

    @Test
    void slots_setWhileWorking_growAndShrinkAndGoBackToTheWorkersOwn() {
        start(gated().queue("default", 3));
        enqueue(100);
        awaitRunning(3);

        millrace.queues().slots("default", 8);
        awaitRunning(8);

        millrace.queues().slots("default", 2);
        await().atMost(SOON).until(() -> millrace.queues().get("default").workerSlots() == 2);
        gate.release(6);
        awaitRunning(2);
        most.set(0);
        // One ends, one begins: it stays at two.
        gate.release(10);
        await().atMost(SOON).until(() -> gate.availablePermits() == 0 && running.get() == 2);
        assertThat(most).hasValue(2);

        millrace.queues().slots("default", null);
        awaitRunning(3);
        // The beat that brought the setting still told of two: the next one tells of three.
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(database.queryString("SELECT queues::text FROM worker"))
                        .isEqualTo("{\"default\": 3}"));
    }

    @Test
    void slots_setBeforeTheWorkerStarts_holdFromItsFirstClaim() {
        millrace.queues().slots("default", 1);
        enqueue(10);
        start(gated().queue("default", 5));

        awaitRunning(1);
        await().atMost(SOON).until(() -> millrace.queues().get("default").workerSlots() == 1);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'running'"))
                .isEqualTo(1);
    }

    @Test
    void slots_fullOfJobsThatHaveNotEnded_claimNoMore() {
        start(gated().queue("default", 10));
        enqueue(100);

        awaitRunning(10);
        awaitClaimedFor(500, 10);

        // All of them end at once, but they took long.
        gate.release(10);
        await().atMost(SOON)
                .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'") == 10);
        awaitClaimedFor(500, 10);
    }

    @Test
    void slots_prefetchedBehindJobsThatTurnOutLong_areGivenBack() {
        // Short while the gate lets them through, long from then on.
        gate.release(2_000);
        enqueue(4_000);
        start(gated().queue("default", 10));

        await().atMost(SOON)
                .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'") == 2_000);
        awaitClaimedFor(2_500, 10);

        assertThat(database.queryLong("SELECT count(*) FROM job WHERE attempt > 1"))
                .isZero();
        gate.release(2_000);
        await().atMost(SOON)
                .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'") == 4_000);
    }

    @Test
    void slots_prefetchedBehindADatabaseThatStalls_areKept() throws Exception {
        int jobs = 60_000;
        enqueue(jobs);
        long last = database.queryLong("SELECT max(run_order) FROM job");
        AtomicInteger ran = new AtomicInteger();
        try (Connection stall = database.connect();
                Statement statement = stall.createStatement()) {
            stall.setAutoCommit(false);
            statement.execute("LOCK TABLE millrace.job_finalized IN SHARE MODE");
            start(Worker.builder(Database.of(database.url())).handle(NOTHING, (job, nothing) -> ran.incrementAndGet()));

            // What has run waits to be written, and the slots for room.
            AtomicInteger before = new AtomicInteger();
            await().during(Duration.ofMillis(2_500))
                    .atMost(SOON)
                    .until(() -> before.getAndSet(ran.get()) == ran.get() && ran.get() > 20_000);
            stall.rollback();
        }

        await().atMost(Duration.ofSeconds(60))
                .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'completed'") == jobs);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE run_order > ?", last))
                .as("given back")
                .isZero();
    }

    private void awaitClaimedFor(int millis, int jobs) {
        await().during(Duration.ofMillis(millis))
                .atMost(SOON)
                .until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'running'") == jobs);
    }

    @Test
    void slots_changedAllTheTime_eachJobRunsOnce() throws Exception {
        int jobs = 3_000;
        AtomicInteger runs = new AtomicInteger();
        Worker worker = start(Worker.builder(Database.of(database.url()))
                .queue("default", 4)
                .handle(NOTHING, (job, nothing) -> runs.incrementAndGet()));
        for (int i = 0; i < 30; i++) {
            enqueue(jobs / 30);
            millrace.queues().slots("default", i % 3 == 0 ? null : 1 + i * 7 % 40);
        }

        worker.awaitEmpty();

        assertThat(runs).hasValue(jobs);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND attempt = 1"))
                .isEqualTo(jobs);
    }

    @Test
    void list_queuesOfEverySort_countsThem() {
        database.execute("""
                INSERT INTO job (queue, kind, state, priority, scheduled_at, attempt, attempted_at, attempted_by, finalized_at) VALUES
                    ('a', 'k', 'available', 1, now() - interval '1 minute', 0, NULL, NULL, NULL),
                    ('a', 'k', 'available', 4, now() - interval '1 hour', 0, NULL, NULL, NULL),
                    ('a', 'k', 'running', 2, now(), 1, now(), 'w', NULL),
                    ('b', 'k', 'scheduled', 2, now() + interval '1 hour', 0, NULL, NULL, NULL),
                    ('b', 'k', 'retryable', 2, now() + interval '1 hour', 1, now(), 'w', NULL),
                    ('b', 'k', 'pending', 2, now(), 0, NULL, NULL, NULL),
                    ('c', 'k', 'completed', 2, now(), 1, now(), 'w', now()),
                    ('c', 'k', 'cancelled', 2, now(), 1, now(), 'w', now()),
                    ('c', 'k', 'discarded', 2, now(), 1, now(), 'w', now() - interval '300 days');
                INSERT INTO queue (name, slots) VALUES ('d', 7)""");

        List<QueueInfo> queues = millrace.queues().list();

        assertThat(queues).extracting(QueueInfo::name).containsExactly("a", "b", "c", "d");
        assertThat(queues.get(0).jobs(JobState.AVAILABLE)).isEqualTo(2);
        assertThat(queues.get(0).jobs(JobState.RUNNING)).isEqualTo(1);
        assertThat(queues.get(0).lag()).isBetween(Duration.ofMinutes(60), Duration.ofMinutes(61));
        assertThat(List.of(JobState.SCHEDULED, JobState.RETRYABLE, JobState.PENDING))
                .allSatisfy(state -> assertThat(queues.get(1).jobs(state)).isEqualTo(1));
        assertThat(List.of(JobState.COMPLETED, JobState.CANCELLED, JobState.DISCARDED))
                .allSatisfy(state -> assertThat(queues.get(2).jobs(state)).isEqualTo(1));
        assertThat(queues.get(3).slots()).isEqualTo(7);
        assertThat(queues).noneMatch(QueueInfo::estimated).noneMatch(QueueInfo::availableCapped);
        assertThat(millrace.queues().get("a"))
                .usingRecursiveComparison()
                .ignoringFields("lag")
                .isEqualTo(queues.get(0));
        assertThat(millrace.queues().get("nobody's").jobs().values()).containsOnly(0L);
    }

    @Test
    void list_moreThanIsCounted_saysSo() {
        database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, 12000)");
        database.execute(
                "INSERT INTO job (kind, queue, state, finalized_at) SELECT repeat('k', 100), 'done', 'completed', now()"
                        + " FROM generate_series(1, 30000)");

        QueueInfo deep = millrace.queues().get("default");
        assertThat(deep.jobs(JobState.AVAILABLE)).isEqualTo(10_000);
        assertThat(deep.availableCapped()).isTrue();
        assertThat(deep.estimated()).isTrue();
        assertThat(millrace.queues().get("done").jobs(JobState.COMPLETED)).isBetween(20_000L, 40_000L);
        assertThat(database.queryLong("SELECT available FROM list_queues('default', 500)"))
                .isEqualTo(500);
    }

    @Test
    void list_workerThatHasWorked_tellsItsThroughput() {
        TestSignal<Long> handled = new TestSignal<>();
        start(Worker.builder(Database.of(database.url())).queue("default", 5).handle(NOTHING, (job, nothing) -> {
            handled.accept(job.id());
            if (job.maxAttempts() == 1) {
                throw new IllegalStateException("on purpose");
            }
        }));
        enqueue(20);
        for (int i = 0; i < 3; i++) {
            millrace.enqueue(NOTHING, new Nothing(), o -> o.maxAttempts(1));
        }
        await().atMost(SOON)
                .until(() ->
                        database.queryLong("SELECT count(*) FROM job WHERE state IN ('completed', 'discarded')") == 23);

        // The next heartbeat of so long a lease is minutes away: whoever changes settings gets one at once.
        await().atMost(SOON).untilAsserted(() -> {
            millrace.queues().slots("default", 5);
            QueueInfo queue = millrace.queues().get("default");
            assertThat(queue.finishedLastMinute()).isEqualTo(20);
            assertThat(queue.failedLastMinute()).isEqualTo(3);
            assertThat(queue.busySlots()).isZero();
            assertThat(queue.workers()).isEqualTo(1);
            assertThat(queue.workerSlots()).isEqualTo(5);
        });
    }

    @Test
    void retention_setAndTakenAway_isListed() {
        millrace.queues().retention("mail", JobState.DISCARDED, Duration.ofDays(30));
        millrace.queues().retention("mail", JobState.COMPLETED, Duration.ZERO);
        assertThat(millrace.queues().retention())
                .contains(
                        new RetentionRule(null, JobState.DISCARDED, Duration.ofDays(7)),
                        new RetentionRule("mail", JobState.DISCARDED, Duration.ofDays(30)),
                        new RetentionRule("mail", JobState.COMPLETED, Duration.ZERO));

        millrace.queues().retention("mail", JobState.DISCARDED, null);

        assertThat(millrace.queues().retention())
                .filteredOn(rule -> "mail".equals(rule.queue()))
                .hasSize(1);
    }

    @Test
    void settings_outOfRange_areRefusedWithTheRange() {
        assertThatThrownBy(() -> millrace.queues().slots("q", 0))
                .hasMessage("Slots 0 of queue 'q' are out of range: 1 to 10000");
        assertThatThrownBy(() -> millrace.queues().slots("q", 10_001)).hasMessageContaining("1 to 10000");
        assertThatThrownBy(() -> millrace.queues().retention("q", JobState.RUNNING, Duration.ZERO))
                .hasMessageContaining("Jobs in state running are not history");
        assertThatThrownBy(() -> millrace.queues().retention("q", JobState.COMPLETED, Duration.ofMillis(-1)))
                .hasMessageContaining("out of range: 0 to ");
        assertThatThrownBy(() -> millrace.queues().retention(null, JobState.COMPLETED, null))
                .hasMessageContaining("All queues need a rule");
        assertThatThrownBy(() -> millrace.queues().pause("")).isInstanceOf(IllegalArgumentException.class);
        assertThat(database.queryLong("SELECT count(*) FROM queue")).isZero();
    }
}
