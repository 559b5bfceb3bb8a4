package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.examples.ExampleJobs.Noop;
import dev.millrace.examples.ExampleJobs.Transfer;
import dev.millrace.job.JobType;
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
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** Workers die by kill -9, one every two seconds, and no job is lost, doubled or done twice. */
class CrashIT {

    private static final int WORKERS = 3;
    private static final int ACCOUNTS = 500;
    /** Due one after the other, so that there is work at every kill, and the run outlasts several, on a fast machine too. */
    private static final List<Duration> PORTIONS =
            Stream.iterate(Duration.ZERO, due -> due.plusSeconds(3)).limit(10).toList();

    private static final int PORTION = 2_000;
    /** One job in so many is a transfer; starting processes over and over leaves little of two cores for them. */
    private static final int TRANSFER_SHARE = 5;

    private static final int JOBS = PORTIONS.size() * PORTION;
    private static final Duration BETWEEN_KILLS = Duration.ofSeconds(2);
    private static final Duration LIMIT = Duration.ofMinutes(4);

    private final List<JavaProcess> workers = new ArrayList<>();
    private String url = "";
    private int kills;

    @Test
    void workers_killedOverAndOver_finishEachJobExactlyOnce() throws Exception {
        long seed = System.nanoTime();
        try (PgServer server = PgServer.builder().start();
                Connection session = DriverManager.getConnection(server.url("postgres"))) {
            url = server.url("postgres");
            migrate();
            enqueue(new Random(seed));
            long start = System.nanoTime();
            try (SnapshotSampler sampler = SnapshotSampler.start(url, JOBS)) {
                for (int i = 0; i < WORKERS; i++) {
                    workers.add(startWorker());
                }
                killUntilDone(session, System.nanoTime() + LIMIT.toNanos());
                sampler.verify();
            } finally {
                workers.forEach(JavaProcess::close);
            }
            Duration duration = Duration.ofNanos(System.nanoTime() - start);
            System.out.printf(
                    "CrashIT: %d jobs, %d kills, %d attempts beyond the first, %.1f s, seed %d%n",
                    JOBS,
                    kills,
                    number(session, "SELECT sum(attempt - 1) FROM millrace.job"),
                    duration.toMillis() / 1e3,
                    seed);

            assertThat(number(session, "SELECT count(*) FROM millrace.job WHERE state = 'completed'"))
                    .isEqualTo(JOBS);
            assertThat(number(session, "SELECT count(DISTINCT id) FROM millrace.job WHERE state = 'completed'"))
                    .isEqualTo(JOBS);
            assertThat(number(session, "SELECT count(*) FROM millrace.job WHERE state <> 'completed'"))
                    .isZero();
            assertThat(number(session, "SELECT sum(balance) FROM public.example_account"))
                    .isEqualTo(ACCOUNTS * AccountTable.STARTING_BALANCE);
            assertThat(number(session, "SELECT count(*) FROM (" + Ledger.DIFFERENCES + ") AS d"))
                    .as("accounts that differ from what the jobs make of them, seed " + seed)
                    .isZero();
            assertThat(kills).isGreaterThanOrEqualTo(3);
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

    private void enqueue(Random random) {
        try (Millrace millrace = Millrace.connect(Database.of(url))) {
            for (Duration due : PORTIONS) {
                // Every account is used, so that all of them exist in the end.
                JobType<Transfer> transfer = ExampleJobs.TRANSFER.withDefaults(options -> options.in(due));
                millrace.enqueueAll(
                        transfer,
                        Stream.iterate(0, i -> i + 1)
                                .limit(PORTION / TRANSFER_SHARE)
                                .map(i -> new Transfer(
                                        "account " + i % ACCOUNTS,
                                        "account " + random.nextInt(ACCOUNTS),
                                        random.nextInt(1, 100))));
                JobType<Noop> noop = ExampleJobs.NOOP.withDefaults(options -> options.in(due));
                millrace.enqueueAll(noop, Stream.generate(Noop::new).limit(PORTION - PORTION / TRANSFER_SHARE));
            }
        }
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
                        "5s")
                .options("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .environment("MILLRACE_DATABASE_URL", url)
                .start();
    }

    private void killUntilDone(Connection session, long deadline) throws SQLException {
        long nextKill = System.nanoTime() + BETWEEN_KILLS.toNanos();
        while (true) {
            long due = nextKill;
            await().pollInterval(Duration.ofMillis(100))
                    .atMost(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())))
                    .failFast(() -> assertAllAlive())
                    .until(() -> isDone(session) || System.nanoTime() >= due && victim(session) != null);
            if (isDone(session)) {
                return;
            }
            JavaProcess victim = victim(session);
            if (victim == null) {
                continue;
            }
            victim.kill9();
            kills++;
            workers.set(workers.indexOf(victim), startWorker());
            nextKill = System.nanoTime() + BETWEEN_KILLS.toNanos();
        }
    }

    /** Nobody but the test ends a worker. */
    private void assertAllAlive() {
        for (JavaProcess worker : workers) {
            assertThat(worker.isAlive())
                    .as(() -> "worker " + worker.pid() + " died by itself:\n" + worker.stderr())
                    .isTrue();
        }
    }

    private static boolean isDone(Connection session) throws SQLException {
        return number(
                        session,
                        "SELECT count(*) FROM millrace.job WHERE state IN ('completed', 'cancelled', 'discarded')")
                == JOBS;
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
