package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.examples.ExampleJobs.Noop;
import dev.millrace.examples.ExampleJobs.Sleep;
import dev.millrace.examples.ExampleJobs.Transfer;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.PgServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** Workers die by kill -9, one every two seconds, and no job is lost, doubled or done twice. */
class CrashIT {

    private static final int WORKERS = 3;
    private static final int ACCOUNTS = 500;
    /** A portion of the jobs comes before each kill, so that the run outlasts them all on a fast machine too. */
    private static final int KILLS = 10;

    private static final int PORTION = 2_000;
    /** One job in so many is a transfer; starting processes over and over leaves little of two cores for them. */
    private static final int TRANSFER_SHARE = 5;
    /** Jobs that take long enough to be running when the kill is due. */
    private static final int SLEEPERS = 30;

    private static final Sleep SLEEPER = new Sleep(3_000);
    private static final Duration BETWEEN_KILLS = Duration.ofSeconds(2);
    private static final Duration LIMIT = Duration.ofMinutes(4);

    private final List<JavaProcess> workers = new ArrayList<>();
    private final AtomicLong enqueued = new AtomicLong();
    private String url = "";

    @Test
    void workers_killedOverAndOver_finishEachJobExactlyOnce() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (PgServer server = PgServer.builder().start();
                Connection session = DriverManager.getConnection(server.url("postgres"))) {
            url = server.url("postgres");
            migrate();
            long start = System.nanoTime();
            try (Millrace millrace = Millrace.connect(Database.of(url));
                    SnapshotSampler sampler = SnapshotSampler.start(url, enqueued::get)) {
                for (int i = 0; i < WORKERS; i++) {
                    workers.add(startWorker());
                }
                for (int kill = 0; kill < KILLS; kill++) {
                    enqueue(millrace, kill, random);
                    killOne(millrace, session);
                }
                await().pollInterval(Duration.ofMillis(100))
                        .atMost(LIMIT)
                        .failFast(this::assertAllAlive)
                        .until(() -> unfinished(session) == 0);
                sampler.verify();
            } finally {
                workers.forEach(JavaProcess::close);
            }
            Duration duration = Duration.ofNanos(System.nanoTime() - start);
            System.out.printf(
                    "CrashIT: %d jobs, %d kills, %d attempts beyond the first, %.1f s, seed %d%n",
                    enqueued.get(),
                    KILLS,
                    number(session, "SELECT sum(attempt - 1) FROM millrace.job"),
                    duration.toMillis() / 1e3,
                    seed);

            assertThat(number(session, "SELECT count(*) FROM millrace.job WHERE state = 'completed'"))
                    .isEqualTo(enqueued.get());
            assertThat(number(session, "SELECT count(DISTINCT id) FROM millrace.job WHERE state = 'completed'"))
                    .isEqualTo(enqueued.get());
            assertThat(number(session, "SELECT count(*) FROM millrace.job WHERE state <> 'completed'"))
                    .isZero();
            assertThat(number(session, "SELECT sum(balance) FROM public.example_account"))
                    .isEqualTo(ACCOUNTS * AccountTable.STARTING_BALANCE);
            assertThat(number(session, "SELECT count(*) FROM (" + Ledger.DIFFERENCES + ") AS d"))
                    .as("accounts that differ from what the jobs make of them, seed " + seed)
                    .isZero();
            assertThat(number(session, "SELECT count(*) FROM millrace.job WHERE attempt > 1"))
                    .as("jobs that a killed worker had begun")
                    .isPositive();
            assertThat(server.log()).doesNotContain("deadlock detected");
        }
    }

    private void migrate() {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(url);
        Migrator.of(dataSource, SchemaName.DEFAULT).migrate();
    }

    private void enqueue(Millrace millrace, int portion, Random random) {
        int transfers = PORTION / TRANSFER_SHARE;
        // Every account is used, so that all of them exist in the end.
        millrace.enqueueAll(
                ExampleJobs.TRANSFER,
                Stream.iterate(0, i -> i + 1)
                        .limit(transfers)
                        .map(i -> new Transfer(
                                "account " + (portion * transfers + i) % ACCOUNTS,
                                "account " + random.nextInt(ACCOUNTS),
                                random.nextInt(1, 100))));
        millrace.enqueueAll(ExampleJobs.NOOP, Stream.generate(Noop::new).limit(PORTION - transfers));
        enqueued.addAndGet(PORTION);
        enqueueSleepers(millrace);
    }

    private void enqueueSleepers(Millrace millrace) {
        millrace.enqueueAll(ExampleJobs.SLEEP, Stream.generate(() -> SLEEPER).limit(SLEEPERS));
        enqueued.addAndGet(SLEEPERS);
    }

    private JavaProcess startWorker() {
        return JavaProcess.jar(
                        Path.of("../queue-worker/target/queue-worker.jar"),
                        "work",
                        "--handlers",
                        "target/examples.jar",
                        "--queue",
                        "default=20",
                        "--lease",
                        "5s",
                        "--http",
                        "off")
                .options("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .environment("MILLRACE_DATABASE_URL", url)
                .start();
    }

    private void killOne(Millrace millrace, Connection session) {
        long due = System.nanoTime() + BETWEEN_KILLS.toNanos();
        JavaProcess victim = await().pollInterval(Duration.ofMillis(100))
                .atMost(LIMIT)
                .failFast(this::assertAllAlive)
                .until(
                        () -> {
                            if (unfinished(session) == 0) {
                                enqueueSleepers(millrace);
                            }
                            return System.nanoTime() - due < 0 ? null : victim(session);
                        },
                        Objects::nonNull);
        victim.kill9();
        workers.set(workers.indexOf(victim), startWorker());
    }

    /** Nobody but the test ends a worker. */
    private void assertAllAlive() {
        for (JavaProcess worker : workers) {
            assertThat(worker.isAlive())
                    .as(() -> "worker " + worker.pid() + " died by itself:\n" + worker.stderr())
                    .isTrue();
        }
    }

    private static long unfinished(Connection session) throws SQLException {
        return number(
                session,
                "SELECT count(*) FROM millrace.job WHERE state NOT IN ('completed', 'cancelled', 'discarded')");
    }

    /**
     * The live worker that holds the most jobs, once all live workers have registered: else a slow machine would only
     * start workers and never run a job. Null if there is none yet. A process id is part of its worker's name.
     */
    private @Nullable JavaProcess victim(Connection session) throws SQLException {
        Map<Long, Long> jobsByPid = new HashMap<>();
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT split_part(w.id, '/', 2)::bigint, count(r.id)
                        FROM millrace.worker AS w LEFT JOIN millrace.job AS r ON r.attempted_by = w.id AND r.state = 'running'
                        GROUP BY w.id""")) {
            while (row.next()) {
                jobsByPid.put(row.getLong(1), row.getLong(2));
            }
        }
        List<Long> live = workers.stream().map(JavaProcess::pid).toList();
        if (!jobsByPid.keySet().containsAll(live)) {
            return null;
        }
        return workers.stream()
                .filter(worker -> jobsByPid.getOrDefault(worker.pid(), 0L) > 0)
                .max(Comparator.comparingLong(worker -> jobsByPid.getOrDefault(worker.pid(), 0L)))
                .orElse(null);
    }

    private static long number(Connection session, String sql) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
