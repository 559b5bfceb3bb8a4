package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a worker that leads costs while there is nothing to do: figures of docs/operations.md. */
@PostgresTest
class IdleCostTest {

    record Nothing() {}

    private static final Duration WATCHED = Duration.ofSeconds(20);

    private final TestDatabase database;

    IdleCostTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void idleLeader_sendsLittleAndUsesLittle() {
        try (Worker worker = Worker.builder(Database.of(database.url()))
                .handle(JobType.of("nothing", Nothing.class), (job, nothing) -> {})
                .build()) {
            worker.start();
            // What is done once at the start is over by then, and the statistics of sessions are written.
            watch(Duration.ofSeconds(10));
            Figures before = figures();
            long began = System.nanoTime();
            watch(WATCHED);
            Figures after = figures();
            double seconds = (System.nanoTime() - began) / 1e9;
            double commits = (after.commits - before.commits) / seconds;
            double cpu = (after.cpuNanos - before.cpuNanos) / 1e7 / seconds;

            System.out.printf("Idle leader: %.2f commits a second, %.2f %% of a core%n", commits, cpu);
            // About two, and what this test asks.
            assertThat(commits).isLessThan(4);
            assertThat(cpu).isLessThan(5);
        }
    }

    private static void watch(Duration time) {
        long began = System.nanoTime();
        await().pollInterval(Duration.ofSeconds(1))
                .atMost(time.plusSeconds(10))
                .until(() -> System.nanoTime() - began > time.toNanos());
    }

    private record Figures(long commits, long cpuNanos) {}

    private Figures figures() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long cpu = 0;
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null
                    && (thread.getThreadName().startsWith("millrace")
                            || thread.getThreadName().contains("Hikari"))) {
                cpu += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
            }
        }
        return new Figures(
                database.queryLong("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"), cpu);
    }
}
