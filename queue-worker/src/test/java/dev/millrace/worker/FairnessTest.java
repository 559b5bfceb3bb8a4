package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** No job waits in one worker while another worker has nothing to do. */
@PostgresTest
class FairnessTest {

    private static final int SLOTS = 4;
    private static final int JOBS = 3_000;
    private static final Duration LONG = Duration.ofMinutes(2);

    private final TestDatabase database;
    private final Queue<Run> slowRuns = new ConcurrentLinkedQueue<>();
    private final Queue<Run> fastRuns = new ConcurrentLinkedQueue<>();
    private WorkerRig rig;

    FairnessTest(TestDatabase database) {
        this.database = database;
    }

    /** When a handler ran. */
    private record Run(long beganNanos, long endedNanos) {}

    @BeforeEach
    void open() {
        rig = new WorkerRig(database);
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
    }

    /** Every tenth job takes twenty times as long, and one worker takes four times as long as the other. */
    @Test
    void slowAndFastWorker_shortAndLongJobs_bothHaveWorkToTheEnd() {
        rig.start(worker(4, slowRuns));
        rig.start(worker(1, fastRuns));

        // A machine that stalls for a moment spoils a round; workers that hold back jobs spoil them all.
        await().atMost(LONG).untilAsserted(this::bothHaveWorkToTheEnd);
    }

    private void bothHaveWorkToTheEnd() {
        slowRuns.clear();
        fastRuns.clear();
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, JOBS).mapToObj(WorkerRig.Number::new));
        await().atMost(LONG).until(() -> slowRuns.size() + fastRuns.size() == JOBS);
        assertThat(slowRuns).isNotEmpty();
        assertThat(fastRuns).isNotEmpty();

        // Until the last job began, each slot could have had one.
        long began = Math.max(first(slowRuns), first(fastRuns));
        long ended = Math.max(last(slowRuns), last(fastRuns));
        double idleSlow = idle(slowRuns, began, ended);
        double idleFast = idle(fastRuns, began, ended);
        System.out.printf(
                "Fairness: %d jobs of the slow worker, %d of the fast one; idle %.1f %% and %.1f %% of their slots' time%n",
                slowRuns.size(), fastRuns.size(), 100 * idleSlow, 100 * idleFast);
        // Bare figures belong to a quiet machine, where they are below 5 %.
        assertThat(List.of(idleSlow, idleFast))
                .allSatisfy(idle -> assertThat(idle).isLessThan(0.15));
    }

    @Test
    void workerThatCloses_whatItGivesBack_isTakenByAnotherBeforeItsPoll() {
        Queue<Integer> began = new ConcurrentLinkedQueue<>();
        Worker closing = rig.start(rig.worker().grace(Duration.ofMillis(100)).handle(NUMBER, (job, number) -> {
            began.add(number.n());
            new CountDownLatch(1).await();
        }));
        rig.enqueue(7);
        await().atMost(WorkerRig.SOON).until(() -> began.contains(7));
        rig.start(rig.worker()
                .pollInterval(Duration.ofMinutes(1))
                .handle(NUMBER, (job, number) -> began.add(10 + number.n())));
        rig.enqueue(8);
        await().atMost(WorkerRig.SOON).until(() -> began.contains(18) || began.contains(8));

        closing.close();

        await().atMost(WorkerRig.SOON).until(() -> began.contains(17));
    }

    private Worker.Builder worker(int factor, Queue<Run> runs) {
        return rig.worker().queue("default", SLOTS).handle(NUMBER, (job, number) -> {
            long began = System.nanoTime();
            long until = began + TimeUnit.MILLISECONDS.toNanos((number.n() % 10 == 0 ? 20L : 1L) * factor);
            while (System.nanoTime() < until) {
                LockSupport.parkNanos(until - System.nanoTime());
            }
            runs.add(new Run(began, System.nanoTime()));
        });
    }

    private static long first(Queue<Run> runs) {
        return runs.stream().mapToLong(Run::beganNanos).min().orElseThrow();
    }

    private static long last(Queue<Run> runs) {
        return runs.stream().mapToLong(Run::beganNanos).max().orElseThrow();
    }

    private static double idle(Queue<Run> runs, long began, long ended) {
        long busy = runs.stream()
                .mapToLong(run -> Math.max(0, Math.min(run.endedNanos(), ended) - Math.max(run.beganNanos(), began)))
                .sum();
        return 1 - busy / (double) (SLOTS * (ended - began));
    }
}
