package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetryPolicy;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.LeaseLostException;
import dev.millrace.worker.handler.Result;
import java.lang.reflect.Type;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class WorkerTest {

    record Number(int n) {}

    /** A codec of a user's own that sometimes writes what is no JSON. */
    private static final class NoJsonCodec implements ArgsCodec {

        private final ArgsCodec jackson = new JacksonArgsCodec();

        @Override
        public String encode(Object value) {
            return value.equals("poison") ? "{no json" : jackson.encode(value);
        }

        @Override
        public Object decode(String json, Type type) {
            return jackson.decode(json, type);
        }
    }

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private Millrace millrace;

    WorkerTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, queue, worker, leader");
        millrace = Millrace.connect(Database.of(database.url()));
        opened.add(millrace);
    }

    @AfterEach
    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private Worker start(Worker.Builder builder) {
        Worker worker = builder.build();
        opened.add(worker);
        worker.start();
        return worker;
    }

    private Worker.Builder worker() {
        return Worker.builder(Database.of(database.url())).grace(Duration.ofSeconds(5));
    }

    private void awaitState(String state, long count) {
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = ?", state))
                        .isEqualTo(count));
    }

    @Test
    void worker_enqueuedJobs_runsEachOnceAndKeepsHistory() throws InterruptedException {
        Map<Integer, AtomicInteger> runs = new ConcurrentHashMap<>();
        millrace.enqueueAll(NUMBER, IntStream.range(0, 5_000).mapToObj(Number::new));
        Worker worker = start(worker().queue("default", 20)
                .handle(
                        NUMBER,
                        (job, number) -> runs.computeIfAbsent(number.n(), n -> new AtomicInteger())
                                .incrementAndGet()));

        worker.awaitEmpty();

        assertThat(runs)
                .hasSize(5_000)
                .allSatisfy((n, count) -> assertThat(count).hasValue(1));
        assertThat(database.queryLong("""
                SELECT count(*) FROM job WHERE state = 'completed' AND attempt = 1 AND attempted_by = ? AND finalized_at >= attempted_at
                    AND attempted_at >= created_at AND errors IS NULL""", worker.id())).isEqualTo(5_000);
        assertThat(database.queryLong("SELECT count(*) FROM ONLY job_finalized_default"))
                .isZero();
    }

    @Test
    void worker_jobEnqueuedWhileIdle_isWokenByNotification() {
        TestSignal<Long> handled = new TestSignal<>();
        start(worker().pollInterval(Duration.ofMinutes(1))
                .handle(NUMBER, (job, number) -> handled.accept(System.nanoTime())));
        millrace.enqueue(NUMBER, new Number(0));
        handled.await(SOON);

        long before = System.nanoTime();
        millrace.enqueue(NUMBER, new Number(1));
        await().atMost(SOON).until(() -> handled.all().size() == 2);

        assertThat(Duration.ofNanos(handled.all().get(1) - before)).isLessThan(Duration.ofSeconds(10));
    }

    @Test
    void worker_jobByPlainSql_isFoundByPolling() {
        TestSignal<Integer> handled = new TestSignal<>();
        start(worker().handle(NUMBER, (job, number) -> handled.accept(number.n())));
        database.execute("INSERT INTO job (kind, args) VALUES ('number', '{\"n\": 7}')");

        assertThat(handled.await(SOON)).isEqualTo(7);
    }

    @Test
    void worker_rolledBackEnqueue_neverRuns_andCommittedOneDoes() throws Exception {
        TestSignal<Integer> handled = new TestSignal<>();
        database.execute("CREATE TABLE IF NOT EXISTS millrace.orders (id int)");
        start(worker().handle(NUMBER, (job, number) -> handled.accept(number.n())));
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            connection.createStatement().execute("INSERT INTO millrace.orders VALUES (1)");
            millrace.enqueue(connection, NUMBER, new Number(1));
            connection.rollback();
            connection.createStatement().execute("INSERT INTO millrace.orders VALUES (2)");
            millrace.enqueue(connection, NUMBER, new Number(2));
            connection.commit();
        }

        assertThat(handled.await(SOON)).isEqualTo(2);
        awaitState("completed", 1);
        assertThat(handled.all()).containsExactly(2);
        assertThat(database.queryLong("SELECT sum(id) FROM millrace.orders")).isEqualTo(2);
    }

    @Test
    void worker_oneSlot_runsByPriorityThenInOrder() throws InterruptedException {
        List<Integer> order = new ArrayList<>();
        millrace.enqueue(NUMBER, new Number(40), o -> o.priority(4));
        millrace.enqueue(NUMBER, new Number(20));
        millrace.enqueue(NUMBER, new Number(21));
        millrace.enqueue(NUMBER, new Number(10), o -> o.priority(1));
        Worker worker = start(worker().queue("default", 1).handle(NUMBER, (job, number) -> order.add(number.n())));

        worker.awaitEmpty();

        assertThat(order).containsExactly(10, 20, 21, 40);
    }

    @Test
    void worker_failingJob_retriesWithPolicyThenDiscards() {
        millrace.enqueue(NUMBER, new Number(1), o -> o.maxAttempts(3));
        AtomicInteger attempts = new AtomicInteger();
        start(worker().handle(
                        NUMBER,
                        (job, number) -> {
                            attempts.incrementAndGet();
                            throw new IllegalStateException("broken\0 " + "\ud800" + " attempt " + job.attempt());
                        },
                        RetryPolicy.fixed(Duration.ofMillis(10))));

        awaitState("discarded", 1);
        assertThat(attempts).hasValue(3);
        Map<String, Object> job = database.query("""
                SELECT attempt, jsonb_array_length(errors) AS n, errors->2->>'message' AS message, errors->0->>'type' AS type,
                    errors->1->>'attempt' AS second, errors->0->>'trace' AS trace FROM job""").get(0);
        assertThat(job)
                .containsEntry("attempt", 3)
                .containsEntry("n", 3)
                .containsEntry("second", "2")
                .containsEntry("type", "java.lang.IllegalStateException")
                .containsEntry("message", "broken\ufffd \ufffd attempt 3");
        assertThat((String) job.get("trace")).contains("WorkerTest");
    }

    @Test
    void worker_failingJobWithDefaultPolicy_waitsASecondBeforeTheSecondAttempt() {
        millrace.enqueue(NUMBER, new Number(1));
        start(worker().handle(NUMBER, (job, number) -> {
            if (job.attempt() == 1) {
                throw new IllegalStateException("first");
            }
        }));
        awaitState("completed", 1);
        assertThat(
                        database.queryLong(
                                "SELECT (extract(epoch FROM attempted_at - (errors->0->>'at')::timestamptz) * 1000)::bigint FROM job"))
                .isGreaterThanOrEqualTo(850);
    }

    @Test
    void worker_results_areStored() {
        JobType<Number> output = JobType.of("output", Number.class);
        JobType<Number> cancel = JobType.of("cancel", Number.class);
        JobType<Number> snooze = JobType.of("snooze", Number.class);
        JobType<Number> retry = JobType.of("retry", Number.class);
        AtomicInteger snoozes = new AtomicInteger();
        millrace.enqueue(output, new Number(6));
        millrace.enqueue(cancel, new Number(1));
        millrace.enqueue(snooze, new Number(1));
        millrace.enqueue(retry, new Number(1));
        start(worker().handleResult(output, (job, number) -> Result.done(Map.of("square", number.n() * number.n())))
                .handleResult(cancel, (job, number) -> Result.cancel("not wanted"))
                .handleResult(
                        snooze,
                        (job, number) ->
                                snoozes.incrementAndGet() < 3 ? Result.snooze(Duration.ofMillis(5)) : Result.done())
                .handleResult(
                        retry,
                        (job, number) ->
                                job.attempt() < 2 ? Result.retryIn(Duration.ofMillis(5), "busy") : Result.done()));

        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE finalized_at IS NOT NULL"))
                                .isEqualTo(4));
        assertThat(database.queryString("SELECT output::text FROM job WHERE kind = 'output'"))
                .isEqualTo("{\"square\": 36}");
        assertThat(database.queryString(
                        "SELECT state || ' ' || (errors->0->>'message') FROM job WHERE kind = 'cancel'"))
                .isEqualTo("cancelled not wanted");
        assertThat(database.queryLong("SELECT attempt FROM job WHERE kind = 'snooze'"))
                .isEqualTo(1);
        assertThat(database.queryString(
                        "SELECT attempt || ' ' || (errors->0->>'message') FROM job WHERE kind = 'retry'"))
                .isEqualTo("2 busy");
    }

    @Test
    void worker_unknownKinds_areLeftUntouchedAndDoNotStarveOthers() throws InterruptedException {
        database.execute("INSERT INTO job (kind) SELECT 'unknown' FROM generate_series(1, 20000)");
        millrace.enqueueAll(NUMBER, IntStream.range(0, 100).mapToObj(Number::new));
        Worker worker = start(worker().handle(NUMBER, (job, number) -> {}));

        worker.awaitEmpty();

        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND kind = 'number'"))
                .isEqualTo(100);
        assertThat(database.queryLong(
                        "SELECT count(*) FROM job WHERE state = 'available' AND kind = 'unknown' AND attempt = 0"))
                .isEqualTo(20_000);
    }

    @Test
    void worker_undecodableArgs_failAlone() {
        database.execute(
                "INSERT INTO job (kind, args, max_attempts) VALUES ('number', '{\"n\": \"seven\"}', 1), ('number', 'null', 1)");
        millrace.enqueueAll(NUMBER, Stream.of(new Number(1), new Number(2)));
        start(worker().handle(NUMBER, (job, number) -> {}));

        awaitState("completed", 2);
        awaitState("discarded", 2);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE errors->0->>'message' LIKE 'Arguments%'"))
                .isEqualTo(2);
    }

    @Test
    void worker_outputWithNulAndLoneSurrogates_isStoredWithReplacements() {
        JobType<Number> output = JobType.of("output", Number.class);
        millrace.enqueue(output, new Number(1));
        start(worker().handleResult(
                        output,
                        (job, number) ->
                                Result.done("nul \0 high \ud800 low \udc00 pair \ud83d\ude00 backslash \\u0000")));

        awaitState("completed", 1);
        assertThat(database.queryString("SELECT output #>> '{}' FROM job"))
                .isEqualTo("nul \ufffd high \ufffd low \ufffd pair \ud83d\ude00 backslash \\u0000");
    }

    @Test
    void worker_unstorableOutput_costsItsOwnJobOnly() {
        JobType<Number> poison = JobType.of("poison", Number.class);
        database.execute(
                "INSERT INTO job (kind, args) SELECT 'poison', jsonb_build_object('n', n) FROM generate_series(1, 200) AS n");
        start(worker().queue("default", 50)
                .argsCodec(new NoJsonCodec())
                .handleResult(poison, (job, number) -> Result.done(number.n() == 77 ? "poison" : "fine")));

        awaitState("completed", 199);
        awaitState("discarded", 1);
        assertThat(database.queryString("SELECT errors->0->>'type' FROM job WHERE state = 'discarded'"))
                .isEqualTo("outcome_not_storable");
    }

    @Test
    void worker_completeInHandlersTransaction_commitsBothOrNeither() {
        database.execute("CREATE TABLE IF NOT EXISTS millrace.effects (n int)");
        millrace.enqueue(NUMBER, new Number(1));
        millrace.enqueue(NUMBER, new Number(2), o -> o.maxAttempts(1));
        start(worker().handle(
                        NUMBER,
                        (job, number) -> job.inTransaction(connection -> {
                            connection
                                    .createStatement()
                                    .execute("INSERT INTO millrace.effects VALUES (" + number.n() + ")");
                            job.completeIn(connection, Map.of("n", number.n()));
                            if (number.n() == 2) {
                                throw new IllegalStateException("after completion, before commit");
                            }
                            return null;
                        })));

        awaitState("completed", 1);
        awaitState("discarded", 1);
        assertThat(database.queryLong("SELECT sum(n) FROM millrace.effects")).isEqualTo(1);
        assertThat(database.queryString("SELECT output::text FROM job WHERE state = 'completed'"))
                .isEqualTo("{\"n\": 1}");
    }

    @Test
    void worker_leaseTakenOver_cannotCompleteInItsTransaction() {
        TestSignal<Throwable> thrown = new TestSignal<>();
        CountDownLatch taken = new CountDownLatch(1);
        TestSignal<Long> running = new TestSignal<>();
        long id = millrace.enqueue(NUMBER, new Number(1));
        start(worker().handle(NUMBER, (job, number) -> {
            if (running.all().isEmpty()) {
                running.accept(job.id());
                taken.await();
                try {
                    job.inTransaction(connection -> {
                        job.completeIn(connection);
                        return null;
                    });
                } catch (LeaseLostException lost) {
                    thrown.accept(lost);
                    throw lost;
                }
            }
        }));
        running.await(SOON);
        database.execute("""
                WITH gone AS (DELETE FROM job_running WHERE id = ? RETURNING *)
                INSERT INTO job (id, kind, args, attempt, created_at, scheduled_at) SELECT id, kind, args, attempt, created_at, scheduled_at FROM gone""", id);
        taken.countDown();

        assertThat(thrown.await(SOON)).isInstanceOf(LeaseLostException.class);
        awaitState("completed", 1);
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(1);
        assertThat(database.queryLong("SELECT attempt FROM job")).isEqualTo(2);
    }

    @Test
    void worker_deadWorkersJobs_areRescuedWithinLeaseAndFiveSeconds() {
        database.execute(
                "INSERT INTO worker (id, lease_expires_at) VALUES ('dead', clock_timestamp() + interval '2 s')");
        database.execute("""
                INSERT INTO job (kind, args, state, attempt, max_attempts, attempted_at, attempted_by)
                VALUES ('number', '{"n": 1}', 'running', 1, 25, now(), 'dead'), ('number', '{"n": 2}', 'running', 3, 3, now(), 'dead')""");
        TestSignal<Integer> handled = new TestSignal<>();
        start(worker().lease(Duration.ofSeconds(5)).handle(NUMBER, (job, number) -> handled.accept(job.attempt())));

        // Two seconds of its lease, five more, and what a machine takes that stalls.
        assertThat(handled.await(SOON)).isEqualTo(2);
        awaitState("completed", 1);
        awaitState("discarded", 1);
        assertThat(
                        database.queryLong(
                                "SELECT count(*) FROM job WHERE errors->0->>'type' = 'lost_worker' AND errors->0->>'worker' = 'dead'"))
                .isEqualTo(2);
        await().atMost(SOON).until(() -> database.queryLong("SELECT count(*) FROM worker WHERE id = 'dead'") == 0);
    }

    @Test
    void worker_claimWithLostAnswer_isReleasedAfterReconnect() {
        TestSignal<Integer> handled = new TestSignal<>();
        Worker worker = start(worker().handle(NUMBER, (job, number) -> handled.accept(job.attempt())));
        database.execute("""
                INSERT INTO job (kind, args, state, attempt, attempted_at, attempted_by) VALUES ('number', '{"n": 1}', 'running', 1, now(), ?)""", worker.id());
        await().atMost(SOON).until(() -> database.queryLong("SELECT count(*) FROM worker") == 1);
        database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'millrace/%/control#%' AND datname = current_database()");

        assertThat(handled.await(SOON)).isEqualTo(1);
        awaitState("completed", 1);
    }

    @Test
    void worker_scheduledJob_runsWhenDueAndNotBefore() {
        Worker worker = start(worker().handle(NUMBER, (job, number) -> {}));
        // How long a start takes is not the question.
        await().atMost(SOON).until(worker::isLeader);
        millrace.enqueue(NUMBER, new Number(1), o -> o.in(Duration.ofMillis(1_500)));
        millrace.enqueue(NUMBER, new Number(2), o -> o.in(Duration.ofHours(1)));

        awaitState("completed", 1);
        assertThat(
                        database.queryLong(
                                "SELECT (extract(epoch FROM attempted_at - scheduled_at) * 1000)::bigint FROM job WHERE state = 'completed'"))
                .isBetween(0L, 10_000L);
        awaitState("scheduled", 1);
    }

    @Test
    void worker_jobOverItsTimeout_isCancelledThenInterruptedAndFails() {
        CountDownLatch never = new CountDownLatch(1);
        TestSignal<Boolean> cancelled = new TestSignal<>();
        millrace.enqueue(
                NUMBER, new Number(1), o -> o.timeout(Duration.ofMillis(200)).maxAttempts(1));
        start(worker().handle(NUMBER, (job, number) -> {
            // Deaf to the interrupt, which may come before a slow thread has seen the cancel.
            while (!job.isCancelled()) {
                Thread.onSpinWait();
            }
            cancelled.accept(true);
            never.await();
        }));

        assertThat(cancelled.await(SOON)).isTrue();
        awaitState("discarded", 1);
        assertThat(database.queryString("SELECT errors->0->>'type' FROM job")).isEqualTo("timeout");
    }

    @Test
    void worker_exceptionThatCannotBeRead_isAFailedAttemptAndCostsNoSlot() {
        millrace.enqueueAll(NUMBER, IntStream.range(0, 10).mapToObj(Number::new));
        start(worker().queue("default", 1)
                .handle(
                        NUMBER,
                        (job, number) -> {
                            if (job.attempt() == 1) {
                                throw new IllegalStateException("unreadable") {
                                    private static final long serialVersionUID = 1L;

                                    @Override
                                    public String getMessage() {
                                        throw new UnsupportedOperationException("not even the message");
                                    }
                                };
                            }
                        },
                        RetryPolicy.fixed(Duration.ofMillis(1))));

        awaitState("completed", 10);
    }

    @Test
    void worker_pausedQueue_claimsNothingUntilResumed() {
        database.execute("INSERT INTO queue (name, paused_at) VALUES ('default', now())");
        TestSignal<Integer> handled = new TestSignal<>();
        start(worker().queue("default", 1)
                .queue("other", 1)
                .handle(NUMBER, (job, number) -> handled.accept(number.n())));
        millrace.enqueue(NUMBER, new Number(1));
        millrace.enqueue(NUMBER, new Number(2), o -> o.queue("other"));
        assertThat(handled.await(SOON)).isEqualTo(2);
        awaitState("available", 1);

        database.execute("UPDATE queue SET paused_at = NULL");
        handled.await(n -> n == 1, SOON);
    }

    @Test
    void close_withBufferedAndRunningJobs_releasesAndDrainsWithoutBurningAttempts() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        TestSignal<Integer> running = new TestSignal<>();
        millrace.enqueueAll(NUMBER, IntStream.range(0, 50).mapToObj(Number::new));
        Worker worker =
                start(worker().grace(Duration.ofMinutes(1)).queue("default", 5).handle(NUMBER, (job, number) -> {
                    running.accept(number.n());
                    release.await();
                }));
        await().atMost(SOON).until(() -> running.all().size() == 5);
        Thread closer = new Thread(worker::close);
        closer.start();
        // Nothing is claimed any more, and what was claimed and has not begun is given back.
        await().atMost(SOON)
                .until(() ->
                        !isClaiming() && database.queryLong("SELECT count(*) FROM job WHERE state = 'running'") == 5);
        release.countDown();
        closer.join(SOON.toMillis());

        assertThat(closer.isAlive()).isFalse();
        assertThat(database.query(
                        "SELECT state, attempt, count(*) AS n FROM job GROUP BY state, attempt ORDER BY state"))
                .containsExactly(
                        Map.of("state", "available", "attempt", 0, "n", 45L),
                        Map.of("state", "completed", "attempt", 1, "n", 5L));
        assertThat(database.queryLong("SELECT count(*) FROM worker")).isZero();
    }

    /** Whether a worker of this process may still claim. */
    private static boolean isClaiming() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("millrace-claimer-"));
    }

    @Test
    void close_handlersThatIgnoreTheGrace_areCancelledThenInterruptedThenGivenBack() {
        CountDownLatch never = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        TestSignal<String> seen = new TestSignal<>();
        JobType<Number> cooperative = JobType.of("cooperative", Number.class);
        JobType<Number> interruptible = JobType.of("interruptible", Number.class);
        JobType<Number> stubborn = JobType.of("stubborn", Number.class);
        Worker worker = start(worker().grace(Duration.ofMillis(100))
                .handle(cooperative, (job, number) -> {
                    seen.accept("cooperative");
                    while (!job.isCancelled()) {
                        Thread.yield();
                    }
                })
                .handle(interruptible, (job, number) -> {
                    seen.accept("interruptible");
                    never.await();
                })
                .handle(stubborn, (job, number) -> {
                    seen.accept("stubborn");
                    boolean ended = false;
                    while (!ended) {
                        try {
                            end.await();
                            ended = true;
                        } catch (InterruptedException ignored) {
                            seen.accept("interrupted");
                        }
                    }
                }));
        millrace.enqueue(cooperative, new Number(1));
        millrace.enqueue(interruptible, new Number(1));
        millrace.enqueue(stubborn, new Number(1));
        await().atMost(SOON).until(() -> seen.all().size() == 3);

        worker.close();

        seen.await("interrupted"::equals, SOON);
        assertThat(database.query("SELECT kind, state, attempt FROM job ORDER BY kind"))
                .containsExactly(
                        Map.of("kind", "cooperative", "state", "completed", "attempt", 1),
                        Map.of("kind", "interruptible", "state", "available", "attempt", 0),
                        Map.of("kind", "stubborn", "state", "available", "attempt", 0));
        end.countDown();
    }

    @Test
    void close_manyTimesFromManyThreads_isOnceAndBounded() throws InterruptedException {
        Worker worker = start(worker().handle(NUMBER, (job, number) -> {}));
        List<Thread> closers =
                IntStream.range(0, 32).mapToObj(i -> new Thread(worker::close)).toList();
        closers.forEach(Thread::start);
        for (Thread closer : closers) {
            closer.join(SOON.toMillis());
            assertThat(closer.isAlive()).isFalse();
        }
        Worker neverStarted = worker().handle(NUMBER, (job, number) -> {}).build();
        neverStarted.close();
        assertThatThrownBy(neverStarted::start).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void worker_schemaWithOddName_worksAllTheWay() throws InterruptedException {
        SchemaName odd = new SchemaName("My \"odd\" 'schema'");
        Migrator.of(database.dataSource(), odd).migrate();
        Database there = Database.of(database.url()).withSchema(odd);
        TestSignal<Integer> handled = new TestSignal<>();
        try (Millrace producer = Millrace.connect(there);
                Worker worker = Worker.builder(there)
                        .pollInterval(Duration.ofMinutes(1))
                        .handle(
                                NUMBER,
                                (job, number) -> {
                                    handled.accept(number.n());
                                    if (job.attempt() == 1) {
                                        throw new IllegalStateException("first");
                                    }
                                },
                                RetryPolicy.fixed(Duration.ofMillis(1)))
                        .build()) {
            worker.start();
            producer.enqueue(NUMBER, new Number(1));
            producer.enqueueAll(NUMBER, Stream.of(new Number(2)));
            worker.awaitEmpty();
        }
        assertThat(handled.all()).containsExactlyInAnyOrder(1, 1, 2, 2);
        assertThat(database.in(odd).queryLong("SELECT count(*) FROM job WHERE state = 'completed'"))
                .isEqualTo(2);
    }

    @Test
    void workers_sharingAQueue_runEachJobOnce() throws InterruptedException {
        Map<Integer, AtomicInteger> runs = new ConcurrentHashMap<>();
        millrace.enqueueAll(NUMBER, IntStream.range(0, 10_000).mapToObj(Number::new));
        List<Worker> workers = IntStream.range(0, 4)
                .mapToObj(i -> start(worker().queue("default", 10)
                        .handle(
                                NUMBER,
                                (job, number) -> runs.computeIfAbsent(number.n(), n -> new AtomicInteger())
                                        .incrementAndGet())))
                .toList();
        for (Worker worker : workers) {
            worker.awaitEmpty();
        }
        assertThat(runs)
                .hasSize(10_000)
                .allSatisfy((n, count) -> assertThat(count).hasValue(1));
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'completed' AND attempt = 1"))
                .isEqualTo(10_000);
    }

    @Test
    void builder_contradictions_areRefusedWithTheRange() {
        assertThatThrownBy(() -> worker().build())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("handler");
        assertThatThrownBy(() -> worker().lease(Duration.ofSeconds(4)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("PT5S");
        assertThatThrownBy(() -> worker().queue("q", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1 to 10000");
        assertThatThrownBy(() -> worker().queue("q", 1).queue("q", 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("already");
        assertThatThrownBy(() -> worker().handle(NUMBER, (job, number) -> {}).handle(NUMBER, (job, number) -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("handler already");
        assertThat(EnqueueOptions.DEFAULTS.queue()).isEqualTo("default");
        assertThat(new NewJob("k", "{}", EnqueueOptions.DEFAULTS).kind()).isEqualTo("k");
    }
}
