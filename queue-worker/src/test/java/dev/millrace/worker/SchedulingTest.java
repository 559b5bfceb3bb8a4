package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.Result;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How late jobs begin that are due at a moment, on a worker that has nothing else to do. */
@PostgresTest
class SchedulingTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final int JOBS = 21;
    private static final int ROUNDS = 5;
    private static final long ON_TIME_MILLIS = 100;

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final TestSignal<Long> begun = new TestSignal<>();
    private Millrace millrace;

    SchedulingTest(TestDatabase database) {
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

    private void start(Worker.Builder builder) {
        Worker worker = builder.build();
        opened.add(worker);
        worker.start();
        // Leads from here on: a job that is due has been promoted.
        database.execute(
                "INSERT INTO job (kind, args, state, scheduled_at) VALUES ('number', '{\"n\": 1000}', 'scheduled', now())");
        begun.await(id -> true, SOON);
    }

    private Worker.Builder worker() {
        return Worker.builder(Database.of(database.url())).grace(Duration.ZERO);
    }

    /** Jobs that are due soon, all of which have begun. */
    @FunctionalInterface
    private interface Round {
        void run() throws Exception;
    }

    /** A machine that stalls for a moment spoils a round; a worker that is late spoils them all. */
    private void assertOnTime(String what, Round round) throws Exception {
        long median = ON_TIME_MILLIS;
        for (int i = 0; i < ROUNDS && median >= ON_TIME_MILLIS; i++) {
            long before = database.queryLong("SELECT last_value FROM job_seq");
            round.run();
            median = medianLateness(what, before);
        }
        assertThat(median).isLessThan(ON_TIME_MILLIS);
    }

    /** Milliseconds from due to begun by the database's clock, of all jobs that came after one. */
    private long medianLateness(String what, long before) {
        List<Long> late = database
                .query(
                        "SELECT (extract(epoch FROM attempted_at - scheduled_at) * 1000)::bigint AS late FROM job"
                                + " WHERE id > ? AND attempted_at IS NOT NULL ORDER BY 1",
                        before)
                .stream()
                .map(row -> (Long) row.get("late"))
                .toList();
        System.out.println(what + ", ms late: median " + late.get(late.size() / 2) + ", worst "
                + late.get(late.size() - 1) + " of " + late.size());
        assertThat(late.get(0)).as("none begins early").isGreaterThanOrEqualTo(0);
        return late.get(late.size() / 2);
    }

    @Test
    void jobs_dueWithinASecond_beginOnTime() throws Exception {
        start(worker().handle(NUMBER, (job, number) -> begun.accept(job.id())));
        SplittableRandom random = new SplittableRandom(4);

        assertOnTime("Due within a second", () -> {
            for (int i = 0; i < JOBS; i++) {
                Duration in = Duration.ofMillis(random.nextInt(100, 1_000));
                long id = i % 2 == 0
                        ? millrace.enqueue(NUMBER, new Number(i), o -> o.in(in))
                        : millrace.enqueue(
                                NUMBER, new Number(i), o -> o.at(Instant.now().plus(in)));
                begun.await(done -> done == id, SOON);
            }
        });
    }

    @Test
    void jobs_dueLater_beginOnTime() throws Exception {
        start(worker().queue("default", 50).handle(NUMBER, (job, number) -> begun.accept(job.id())));
        SplittableRandom random = new SplittableRandom(5);

        assertOnTime("Due in three seconds and more", () -> {
            List<Long> ids = new ArrayList<>();
            for (int i = 0; i < JOBS; i++) {
                Duration in = Duration.ofMillis(random.nextInt(3_000, 4_500));
                ids.add(millrace.enqueue(NUMBER, new Number(i), o -> o.in(in)));
            }
            ids.forEach(id -> begun.await(done -> done.equals(id), SOON));
        });
    }

    @Test
    void jobs_inTheCallersTransactionAndInBulk_beginOnTime() throws Exception {
        start(worker().queue("default", 50).handle(NUMBER, (job, number) -> begun.accept(job.id())));
        JobType<Number> soon = JobType.of("number", Number.class).withDefaults(o -> o.in(Duration.ofMillis(150)));

        assertOnTime("In a transaction and in bulk", () -> {
            List<Long> ids = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                try (Connection connection = database.connect()) {
                    connection.setAutoCommit(false);
                    ids.add(millrace.enqueue(connection, NUMBER, new Number(i), o -> o.in(Duration.ofMillis(150))));
                    connection.commit();
                }
                begun.await(done -> done.equals(ids.get(ids.size() - 1)), SOON);
            }
            for (int i = 0; i < 11; i++) {
                millrace.enqueueAll(
                        millrace.newJobs(soon, Stream.of(new Number(i)).iterator()), ids::add);
                begun.await(done -> done.equals(ids.get(ids.size() - 1)), SOON);
            }
        });
    }

    @Test
    void snoozes_ofAMoment_areOver_whoeverLeads() throws Exception {
        // This one leads; the jobs run on the other.
        start(worker().handle(NUMBER, (job, number) -> begun.accept(job.id())));
        Worker other = worker().queue("other", 50)
                .handleResult(NUMBER, (job, number) -> {
                    if (job.attempt() > 1) {
                        begun.accept(job.id());
                        return Result.done();
                    }
                    return Result.retryIn(Duration.ofMillis(150), "again");
                })
                .build();
        opened.add(other);
        other.start();

        assertOnTime("Retried after 150 ms on a worker that does not lead", () -> {
            for (int i = 0; i < JOBS; i++) {
                long id = millrace.enqueue(NUMBER, new Number(i), o -> o.queue("other"));
                begun.await(done -> done == id, SOON);
            }
        });
    }

    @Test
    void futureJobs_aMillion_costNothingUntilDue() throws Exception {
        database.execute(
                "INSERT INTO job (kind, state, scheduled_at) SELECT 'number', 'scheduled', now() + interval '1 day'"
                        + " FROM generate_series(1, 1000000)");
        start(worker().handle(NUMBER, (job, number) -> begun.accept(job.id())));

        assertOnTime("Beside a million jobs for later", () -> {
            for (int i = 0; i < 5; i++) {
                long id = millrace.enqueue(NUMBER, new Number(i), o -> o.in(Duration.ofMillis(200)));
                begun.await(done -> done == id, SOON);
            }
        });
    }
}
