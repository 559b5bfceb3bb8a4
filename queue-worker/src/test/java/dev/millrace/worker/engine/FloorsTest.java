package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A model of the table on a clock of its own: floors may delay a job by a sweep, never lose it. */
class FloorsTest {

    private static final long STATEMENT_LIMIT = Duration.ofSeconds(5).toNanos();

    /** Visible rows by run order; what it reads costs time, and too much of it runs into the statement limit. */
    private static final class Table {

        private final TreeMap<Long, Boolean> rows = new TreeMap<>();
        private final long nanosPerRow;
        private long sequence;
        private long nowNanos = 1;
        private boolean timedOut;

        Table(long nanosPerRow) {
            this.nanosPerRow = nanosPerRow;
        }

        long next() {
            return ++sequence;
        }

        List<LeasedJob> claim(Floors.Range range, int limit) {
            List<LeasedJob> claimed = new ArrayList<>();
            long read = 0;
            timedOut = false;
            for (Map.Entry<Long, Boolean> row :
                    rows.subMap(range.floor(1), true, range.ceiling(1), false).entrySet()) {
                read += nanosPerRow;
                if (read > STATEMENT_LIMIT) {
                    timedOut = true;
                    break;
                }
                if (row.getValue() && claimed.size() < limit) {
                    claimed.add(job(row.getKey()));
                    if (claimed.size() == limit) {
                        break;
                    }
                }
            }
            nowNanos += 1_000_000 + read;
            if (timedOut) {
                return List.of();
            }
            claimed.forEach(job -> rows.remove(job.token()));
            return claimed;
        }
    }

    /** One step of a claimer. */
    private static List<LeasedJob> step(Table table, Floors floors, int limit) {
        if (floors.markDue(table.nowNanos)) {
            floors.mark(table.sequence, table.nowNanos);
        }
        Floors.Range range = floors.sweepDue(table.nowNanos) ? floors.sweep() : floors.floored();
        long began = table.nowNanos;
        List<LeasedJob> claimed = table.claim(range, limit);
        if (table.timedOut) {
            floors.timedOut(range, table.nowNanos);
        } else {
            floors.claimed(range, claimed, claimed.size() == limit, began, table.nowNanos);
        }
        return claimed;
    }

    private static LeasedJob job(long token) {
        return Leased.job(token, token);
    }

    @Test
    void halves_shareThePriority_leaveTheHigherOnesToBoth_andTheLowerOnesToNone() {
        Floors.Range whole = new Floors.Range(new long[] {1, 2, 3, 4}, Long.MAX_VALUE, false);

        assertThat(ranges(whole.below(50, 2))).containsExactly("1 to the end", "2 to 50", "nothing", "nothing");
        assertThat(ranges(whole.from(50, 2))).containsExactly("1 to the end", "50 to the end", "nothing", "nothing");
        assertThat(ranges(whole.from(1, 2))).contains("2 to the end");
        assertThat(whole.below(50, 2).isBounded()).isFalse();
    }

    private static List<String> ranges(Floors.Range range) {
        return IntStream.range(0, JobTable.LANES)
                .mapToObj(lane -> range.floor(lane) >= range.ceiling(lane)
                        ? "nothing"
                        : range.floor(lane) + " to "
                                + (range.ceiling(lane) == Long.MAX_VALUE ? "the end" : range.ceiling(lane)))
                .toList();
    }

    @Test
    void lateCommits_areFoundWithinASweep() {
        long seed = new SplittableRandom().nextLong();
        SplittableRandom random = new SplittableRandom(seed);
        Table table = new Table(200);
        Floors floors = new Floors();
        Map<Long, Long> visibleSince = new HashMap<>();
        TreeMap<Long, List<Long>> commits = new TreeMap<>();
        for (int i = 0; i < 20_000; i++) {
            if (i < 19_000) {
                for (int n = random.nextInt(4); n > 0; n--) {
                    long delay = random.nextInt(50) == 0
                            ? random.nextLong(Duration.ofSeconds(30).toNanos())
                            : random.nextLong(5_000_000);
                    commits.computeIfAbsent(table.nowNanos + delay, at -> new ArrayList<>())
                            .add(table.next());
                }
            }
            var due = commits.headMap(table.nowNanos, true);
            due.forEach((at, orders) -> orders.forEach(order -> {
                table.rows.put(order, true);
                visibleSince.put(order, table.nowNanos);
            }));
            due.clear();
            table.nowNanos += 5_000_000;
            for (LeasedJob job : step(table, floors, 10)) {
                long waited = table.nowNanos - visibleSince.remove(job.token());
                assertThat(Duration.ofNanos(waited))
                        .as("seed %d, job %d", seed, job.token())
                        .isLessThan(Duration.ofSeconds(3));
            }
        }
        table.nowNanos += Duration.ofSeconds(40).toNanos();
        commits.values().forEach(orders -> orders.forEach(order -> table.rows.put(order, true)));
        for (int i = 0; i < 2_000 && !table.rows.isEmpty(); i++) {
            table.nowNanos += 10_000_000;
            step(table, floors, 10);
        }
        assertThat(table.rows).as("seed %d", seed).isEmpty();
    }

    @Test
    void commitsThatAreABitLate_areFoundByTheNextClaim() {
        Table table = new Table(200);
        Floors floors = new Floors();
        for (int i = 0; i < 20; i++) {
            table.rows.put(table.next(), true);
        }
        TreeMap<Integer, Long> late = new TreeMap<>();
        for (int i = 0; i < 2_000; i++) {
            for (int n = 0; n < 9; n++) {
                table.rows.put(table.next(), true);
            }
            late.put(i + 15, table.next());
            Long visible = late.remove(i);
            if (visible != null) {
                table.rows.put(visible, true);
            }
            List<LeasedJob> claimed = step(table, floors, 10);
            table.nowNanos += 5_000_000;
            if (visible != null) {
                assertThat(claimed)
                        .as("claim %d", i)
                        .extracting(LeasedJob::token)
                        .contains(visible);
            }
        }
    }

    @Test
    void aMillionUnknownJobsAtTheHead_costClaimsNothingAfterTheFirst() {
        Table table = new Table(200);
        for (int i = 0; i < 1_000_000; i++) {
            table.rows.put(table.next(), false);
        }
        Floors floors = new Floors();
        step(table, floors, 10);
        long began = table.nowNanos;
        int claims = 0;
        for (int i = 0; i < 1_000; i++) {
            table.rows.put(table.next(), true);
            claims += step(table, floors, 10).size();
            table.nowNanos += 2_000_000;
        }
        assertThat(claims).isGreaterThan(950);
        Duration idle = Duration.ofMillis(3 * 1_000);
        assertThat(Duration.ofNanos(table.nowNanos - began)).isLessThan(idle.plus(idle.dividedBy(5)));
    }

    @Test
    void unknownJobsBeyondTheStatementLimit_hideNoKnownOne() {
        Table table = new Table(4_000);
        table.sequence = 5_000_000_000L;
        for (int i = 0; i < 3_000_000; i++) {
            table.sequence += 20;
            table.rows.put(table.next(), i % 1_000_000 == 500_000);
        }
        Floors floors = new Floors();
        int found = 0;
        int timeouts = 0;
        for (int i = 0; i < 500 && found < 3; i++) {
            found += step(table, floors, 10).size();
            timeouts += table.timedOut ? 1 : 0;
            table.nowNanos += 100_000_000;
        }
        assertThat(found).isEqualTo(3);
        assertThat(timeouts).isBetween(1, 10);

        table.rows.put(table.next(), true);
        assertThat(step(table, floors, 10).size() + step(table, floors, 10).size())
                .isEqualTo(1);
    }
}
