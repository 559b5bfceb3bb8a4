package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobMeter;
import dev.millrace.job.JobMeter.Count;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetryPolicy;
import dev.millrace.job.Unique;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.WorkerRig.Number;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.metrics.MillraceMetrics;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Figures in a registry of the application's own. */
@PostgresTest
class MetricsTest {

    private final TestDatabase database;
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final MillraceMetrics metrics = new MillraceMetrics(registry, Tag.of("app", "test"));
    private WorkerRig rig;

    MetricsTest(TestDatabase database) {
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

    private double counted(Count what) {
        return counted(what, "default", "number");
    }

    private double counted(Count what, String queue, String kind) {
        String name = "millrace.jobs." + what.name().toLowerCase(Locale.ROOT).replace('_', '.');
        return registry.get(name)
                .tags("app", "test", "queue", queue, "kind", kind)
                .counter()
                .count();
    }

    private void awaitCounted(Count what, double jobs) {
        await().atMost(SOON)
                .ignoreExceptions()
                .untilAsserted(() -> assertThat(counted(what)).as(what.name()).isEqualTo(jobs));
    }

    /** A run is measured a moment after its outcome was counted. */
    private void awaitTimed(String timer, long jobs) {
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(registry.get(timer).timer().count())
                        .as(timer)
                        .isEqualTo(jobs));
    }

    private double jobs(String state) {
        return registry.get("millrace.queue.jobs")
                .tags("queue", "default", "state", state)
                .gauge()
                .value();
    }

    @Test
    void counts_receiverOfEventsThatHangs_areExact() {
        int jobs = 6_000;
        CountDownLatch hanging = new CountDownLatch(1);
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, jobs).mapToObj(Number::new));
        Worker worker = rig.start(rig.worker()
                .meter(metrics)
                .onJobEvent(event -> {
                    try {
                        hanging.await();
                    } catch (InterruptedException closing) {
                        Thread.currentThread().interrupt();
                    }
                })
                .handle(NUMBER, (job, number) -> {}));
        rig.awaitState("completed", jobs);

        awaitCounted(Count.COMPLETED, jobs);
        assertThat(counted(Count.STARTED)).isEqualTo(jobs);
        assertThat(counted(Count.FAILED)).isZero();
        assertThat(worker.metrics().count(Counter.EVENTS_DROPPED)).isPositive();
        for (String timer : List.of("millrace.jobs.wait", "millrace.jobs.run")) {
            awaitTimed(timer, jobs);
        }
        hanging.countDown();
    }

    @Test
    void counts_everyOutcome_hasItsCounter() {
        for (int n = 0; n < 5; n++) {
            rig.enqueue(n);
        }
        rig.start(rig.worker()
                .meter(metrics)
                .handleResult(
                        NUMBER,
                        (job, number) -> switch (number.n()) {
                            case 0 -> job.attempt() == 1 ? Result.fail("not yet") : Result.done();
                            case 1 -> Result.discard("hopeless");
                            case 2 -> Result.snooze(Duration.ofHours(1));
                            case 3 -> Result.cancel("not wanted");
                            default -> Result.done();
                        },
                        RetryPolicy.fixed(Duration.ofMillis(50))));
        awaitCounted(Count.COMPLETED, 2);
        awaitCounted(Count.CANCELLED, 1);
        awaitCounted(Count.SNOOZED, 1);
        awaitCounted(Count.DISCARDED, 1);

        assertThat(counted(Count.RETRIED)).isEqualTo(1);
        assertThat(counted(Count.FAILED)).isEqualTo(2);
        assertThat(counted(Count.STARTED)).isEqualTo(6);
        // The leader may count later than the job runs.
        awaitCounted(Count.PROMOTED, 1);
        assertThat(counted(Count.RESCUED)).isZero();
        awaitTimed("millrace.jobs.run", 6);
    }

    @Test
    void counts_jobsOfADeadWorker_areRescued() {
        database.execute("""
                INSERT INTO job (kind, state, attempt, attempted_at, attempted_by)
                SELECT 'number', 'running', 1, now(), 'gone' FROM generate_series(1, 3)""");
        rig.start(rig.worker().lease(Duration.ofSeconds(5)).meter(metrics).handle(NUMBER, (job, number) -> {}));

        awaitCounted(Count.RESCUED, 3);
    }

    @Test
    void counts_enqueuedOneByOneAndInBulk_areWhatWasInserted() throws Exception {
        JobType<Number> unique = JobType.of("once", Number.class)
                .withDefaults(options -> options.unique(Unique.byArgs()).queue("other"));
        Millrace millrace = rig.open(
                Millrace.builder(Database.of(database.url())).meter(metrics).connect());

        millrace.enqueue(NUMBER, new Number(1));
        millrace.enqueueAll(NUMBER, Stream.of(new Number(2), new Number(3)));
        millrace.enqueue(unique, new Number(1));
        millrace.enqueueAll(unique, Stream.of(new Number(1), new Number(2), new Number(2)));

        assertThat(counted(Count.ENQUEUED)).isEqualTo(3);
        assertThat(counted(Count.ENQUEUED, "other", "once")).isEqualTo(2);
    }

    @Test
    void counts_moreKindsThanARegistryShouldHold_goTogether() {
        Millrace millrace = rig.open(
                Millrace.builder(Database.of(database.url())).meter(metrics).connect());
        millrace.enqueueAll(
                IntStream.range(0, 300)
                        .mapToObj(n -> new NewJob("kind-" + n, "{}", EnqueueOptions.DEFAULTS))
                        .iterator(),
                id -> {});

        assertThat(registry.find("millrace.jobs.enqueued").counters()).hasSize(201);
        assertThat(counted(Count.ENQUEUED, "other", "other")).isEqualTo(100);
    }

    @Test
    void counts_meterThatThrows_harmsNoJob() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .meter(new JobMeter() {
                    @Override
                    public void count(Count what, String queue, String kind, long jobs) {
                        throw new IllegalStateException("count");
                    }

                    @Override
                    public void waited(String queue, String kind, Duration time) {
                        throw new IllegalStateException("waited");
                    }

                    @Override
                    public void ran(String queue, String kind, Duration time) {
                        throw new IllegalStateException("ran");
                    }
                })
                .handle(NUMBER, (job, number) -> {}));

        rig.awaitState("completed", 1);
        assertThat(rig.warnings("The meter of jobs failed")).hasSize(1);
    }

    @Test
    void history_whatRetentionDoes_isCounted() {
        database.execute(
                "INSERT INTO job (kind, state, finalized_at) VALUES ('number', 'completed', now() - interval '300 days')");
        rig.start(rig.worker().meter(metrics).handle(NUMBER, (job, number) -> {}));

        // A pass rests nineteen times as long as its step took.
        await().atMost(Duration.ofMinutes(3))
                .ignoreExceptions()
                .untilAsserted(() -> assertThat(registry.get("millrace.history.rows.deleted")
                                .counter()
                                .count())
                        .isEqualTo(1));
    }

    @Test
    void wait_ofAJobThatWasDueBefore_isMeasuredFromThen() {
        database.execute(
                "INSERT INTO job (kind, args, scheduled_at) VALUES ('number', '{\"n\": 1}', now() - interval '1 hour')");
        rig.start(rig.worker().meter(metrics).handle(NUMBER, (job, number) -> {}));
        awaitCounted(Count.COMPLETED, 1);

        Timer wait = registry.get("millrace.jobs.wait").timer();
        assertThat(wait.max(TimeUnit.SECONDS)).isBetween(3_600.0, 3_660.0);
    }

    @Test
    void gauges_ofQueues_areWhatIsThere() {
        database.execute("INSERT INTO queue (name, paused_at) VALUES ('default', now())");
        database.execute(
                "INSERT INTO job (kind, scheduled_at) SELECT 'number', now() - interval '90 seconds' FROM generate_series(1, 4)");
        database.execute(
                "INSERT INTO job (kind, state, scheduled_at) SELECT 'number', 'scheduled', now() + interval '1 hour' FROM generate_series(1, 3)");
        Worker worker =
                rig.open(rig.worker().handle(NUMBER, (job, number) -> {}).build());
        metrics.bind(worker);

        assertThat(jobs("available")).isNaN();
        assertThat(registry.get("millrace.worker.ready").gauge().value()).isZero();
        assertThat(registry.find("millrace.connection.pool.active").gauges().stream()
                        .map(Gauge::value))
                .containsExactly(Double.NaN);
        worker.start();
        // What could not be had is not asked for again at once.
        await().atMost(SOON).untilAsserted(() -> assertThat(jobs("available")).isEqualTo(4));

        assertThat(registry.get("millrace.queue.paused").gauge().value()).isEqualTo(1);
        assertThat(registry.get("millrace.queue.slots").gauge().value()).isEqualTo(10);
        assertThat(jobs("running")).isZero();
        assertThat(jobs("scheduled")).isEqualTo(3);
        assertThat(registry.get("millrace.queue.oldest.available.age")
                        .timeGauge()
                        .value(TimeUnit.SECONDS))
                .isBetween(90.0, 150.0);
        assertThat(registry.get("millrace.worker.ready").gauge().value()).isEqualTo(1);
        await().atMost(SOON)
                .until(() -> registry.get("millrace.worker.leader").gauge().value() == 1);
        // The pool may open another connection between two readings.
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(registry.get("millrace.connection.connect.attempts")
                                .functionCounter())
                        .extracting(FunctionCounter::count)
                        .isEqualTo((double) worker.metrics().count(Counter.CONNECT_ATTEMPTS)));
        double quick = registry.get("millrace.connection.connect.within")
                .tag("le", "0.005")
                .functionCounter()
                .count();
        double connects =
                registry.get("millrace.connection.connect").functionTimer().count();
        assertThat(connects).isPositive().isGreaterThanOrEqualTo(quick);
        assertThat(registry.get("millrace.connection.connect.within")
                        .tag("le", "+Inf")
                        .functionCounter()
                        .count())
                .isGreaterThanOrEqualTo(connects);
    }
}
