package dev.millrace.worker.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class TallyTest {

    private static Tally ran(int... jobs) {
        Runs runs = new Runs(200);
        for (int n : jobs) {
            runs.ran(n);
        }
        return runs.tally(null);
    }

    @Test
    void job_twiceInOneProcess_isADuplicate() {
        Tally tally = ran(0, 63, 64, 199, 64);

        assertThat(tally.distinct()).isEqualTo(4);
        assertThat(tally.duplicates()).isEqualTo(1);
    }

    @Test
    void job_inTwoProcesses_isADuplicate() {
        Tally tally = Tally.of(List.of(ran(1, 2, 2), ran(2, 3), ran(3, 130)));

        assertThat(tally.distinct()).isEqualTo(4);
        assertThat(tally.duplicates()).isEqualTo(3);
    }

    @Test
    void jobs_farApart_areCounted_andTakeNoRoomForThoseBetween() {
        int most = 1_000_000_000;
        List<Tally> tallies = new ArrayList<>();
        // With a bit for each from the start, these would take 12.5 GB.
        List<Runs> processes = Stream.generate(() -> new Runs(most)).limit(100).toList();
        for (Runs runs : processes) {
            runs.ran(0);
            runs.ran(3_000_000);
            runs.ran(3_000_000);
            tallies.add(runs.tally(null));
        }

        Tally tally = Tally.of(tallies);

        assertThat(tally.distinct()).isEqualTo(2);
        assertThat(tally.duplicates()).isEqualTo(298);
        assertThat(BitSet.valueOf(tally.seen()).nextSetBit(1)).isEqualTo(3_000_000);
    }

    @Test
    void fifths_ofARunThatSlowsDown_areItsRates() {
        // 400 jobs within 80 ms, and 100 within the next 80.
        TreeMap<Long, Long> timeline =
                new TreeMap<>(Map.of(0L, 100L, 1L, 100L, 2L, 100L, 3L, 100L, 4L, 25L, 5L, 25L, 6L, 25L, 7L, 25L));
        Tally tally = new Tally(new byte[0], 0, timeline, new Latencies().counted(), 0, 160, null);

        double[] fifths = tally.fifths();

        assertThat(fifths).hasSize(5);
        assertThat(fifths[0]).isCloseTo(5_000, within(1.0));
        assertThat(fifths[3]).isCloseTo(5_000, within(1.0));
        assertThat(fifths[4]).isCloseTo(1_250, within(1.0));
    }
}
