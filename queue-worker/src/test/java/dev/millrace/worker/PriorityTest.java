package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@PostgresTest
class PriorityTest {

    record Nothing() {}

    private static final JobType<Nothing> NOTHING = JobType.of("nothing", Nothing.class);
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final int RUNS = 1_000;

    private final TestDatabase database;

    PriorityTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, queue, worker, leader");
    }

    /** Works on a flood of jobs of priority 1, among which wait others; returns the priorities of the first jobs begun. */
    private List<Integer> begunIn(int slots, double share) throws Exception {
        database.execute("INSERT INTO job (kind, priority) SELECT 'nothing', 4 FROM generate_series(1, ?)", RUNS);
        database.execute("INSERT INTO job (kind, priority) SELECT 'nothing', 1 FROM generate_series(1, ?)", 20 * RUNS);
        ConcurrentLinkedQueue<Integer> begun = new ConcurrentLinkedQueue<>();
        TestSignal<Boolean> enough = new TestSignal<>();
        try (Worker worker = Worker.builder(Database.of(database.url()))
                .queue("default", slots, q -> q.lowestShare(share))
                .grace(Duration.ofSeconds(5))
                .handle(NOTHING, (job, nothing) -> {
                    begun.add(job.priority());
                    if (begun.size() == RUNS) {
                        enough.accept(true);
                    }
                })
                .build()) {
            worker.start();
            enough.await(SOON);
        }
        return begun.stream().limit(RUNS).toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10})
    void lowestPriority_underAFlood_movesAtItsShare(int slots) throws Exception {
        assertThat(begunIn(slots, 0.1)).filteredOn(priority -> priority == 4).hasSizeBetween(RUNS / 20, RUNS / 7);
    }

    @Test
    void lowestPriority_withoutShare_waits() throws Exception {
        assertThat(begunIn(10, 0)).containsOnly(1);
    }

    @Test
    void jobsOfOnePriority_inTheOrderInWhichTheyBecameAvailable() throws Exception {
        database.execute("INSERT INTO job (kind) SELECT 'nothing' FROM generate_series(1, 300)");
        ConcurrentLinkedQueue<Long> begun = new ConcurrentLinkedQueue<>();
        try (Worker worker = Worker.builder(Database.of(database.url()))
                .queue("default", 1, q -> q.lowestShare(0.3))
                .handle(NOTHING, (job, nothing) -> begun.add(job.id()))
                .build()) {
            worker.start();
            worker.awaitEmpty();
        }

        assertThat(begun.stream().toList()).hasSize(300).isSorted();
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.01, 0.51, Double.NaN, Double.POSITIVE_INFINITY})
    void share_outOfRange_isRefused(double share) {
        Worker.Builder builder = Worker.builder(Database.of(database.url()));

        assertThatThrownBy(() -> builder.queue("default", 1, q -> q.lowestShare(share)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Share " + share + " of the lowest priority is out of range: 0 to 0.5");
    }
}
