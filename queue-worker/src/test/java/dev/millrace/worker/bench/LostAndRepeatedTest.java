package dev.millrace.worker.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** That what is lost or runs twice is found, with history and without. */
@PostgresTest
class LostAndRepeatedTest {

    private final TestDatabase database;

    LostAndRepeatedTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void check_allCompletedAndSeen_countsNothing() throws Exception {
        completed("fine", 3);

        assertThat(check(true, "fine", 3, 0, 1, 2)).isEqualTo(Map.of("lost", 0L, "duplicates", 0L, "stalled", 0L));
        assertThat(check(false, "gone", 3, 0, 1, 2)).isEqualTo(Map.of("lost", 0L, "duplicates", 0L, "stalled", 0L));
    }

    @Test
    void check_jobThatIsNowhere_isLost() throws Exception {
        completed("short", 2);

        assertThat(check(true, "short", 3, 0, 1)).containsEntry("lost", 1L).containsEntry("duplicates", 0L);
        assertThat(check(false, "gone", 3, 0, 1)).containsEntry("lost", 1L);
    }

    @Test
    void check_jobThatIsCompletedButNoHandlerSaw_isLost() throws Exception {
        completed("unseen", 3);

        assertThat(check(true, "unseen", 3, 0, 1)).containsEntry("lost", 1L);
    }

    @Test
    void check_oneSeenInPlaceOfAnother_isLostAlthoughTheTotalsAgree() throws Exception {
        completed("other", 3);

        assertThat(check(true, "other", 3, 0, 1, 7)).containsEntry("lost", 1L);
        assertThat(check(false, "gone", 3, 0, 1, 7)).containsEntry("lost", 1L);
    }

    @Test
    void check_jobThatIsThereAndDidNotRun_isStalledAndNotLost() throws Exception {
        completed("stuck", 2);
        waits("stuck", 2);
        waits("stuck-no-history", 2);

        Map<String, Object> counts = Map.of("lost", 0L, "duplicates", 0L, "stalled", 1L);
        assertThat(check(true, "stuck", 3, 0, 1)).isEqualTo(counts);
        assertThat(check(false, "stuck-no-history", 3, 0, 1)).isEqualTo(counts);
    }

    @Test
    void check_jobThatWaitsAlthoughAHandlerSawIt_willRunTwice() throws Exception {
        completed("again", 2);
        waits("again", 2);

        assertThat(check(true, "again", 3, 0, 1, 2)).containsEntry("duplicates", 1L);
    }

    @Test
    void check_jobThatRanTwice_isADuplicate() throws Exception {
        completed("twice", 2);

        assertThat(check(true, "twice", 2, 0, 1, 1)).containsEntry("duplicates", 1L);
    }

    private void completed(String queue, int jobs) {
        database.execute(
                "INSERT INTO job (kind, queue, args, state, finalized_at, attempted_at)"
                        + " SELECT 'k', ?, jsonb_build_object('n', n), 'completed', now(), now()"
                        + " FROM generate_series(0, ? - 1) AS n",
                queue,
                jobs);
    }

    private void waits(String queue, int n) {
        database.execute(
                "INSERT INTO job (kind, queue, args) VALUES ('k', ?, jsonb_build_object('n', ?::int))", queue, n);
    }

    private Map<String, Object> check(boolean history, String queue, int enqueued, int... ran) throws Exception {
        Runs runs = new Runs(100);
        for (int n : ran) {
            runs.ran(n);
        }
        Database connected = Database.of(database.url()).withSchema(database.schema());
        BenchConfig config = new BenchConfig(
                Set.of(Scenario.WORK),
                new Sizes(enqueued, enqueued, 1, 1, Duration.ofSeconds(1), 0, 1, 1),
                new JobMix(150, 0, 0, 0, 0),
                new Conditions(0, 1, history, false, 0, 0, 0),
                false);
        Figures figures = new Figures();
        Rig rig = new Rig(
                connected, 0, config, new BenchTable(connected), null, null, null, figures, new Progress(line -> {}));
        rig.check(queue, Rig.upTo(enqueued), enqueued, runs.tally(null));
        return figures.report();
    }
}
