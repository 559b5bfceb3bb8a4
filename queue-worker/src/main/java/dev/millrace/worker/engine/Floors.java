package dev.millrace.worker.engine;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * Where a claimer's next claim starts in each lane. While any old snapshot is open, rows that were claimed long ago stay in the
 * index, and a claim from the head would walk over all of them; so would one over jobs whose kind this worker does not know. A
 * floor is a hint and never trusted: of two producers the one that has drawn its run orders first may commit last. So a floor keeps
 * a distance in time that commits usually take; rows of later ones lie below it, and a sweep from the very start finds them, at the
 * latest after {@code max(1 s, 20 × the cost of the last sweep)}. A sweep that runs into the statement limit goes on in windows of
 * run orders, each at that pace. Used by the claimer's thread alone.
 */
final class Floors {

    /** What one claim reads. */
    static final class Range {

        private final long[] floors;
        private final long[] ceilings;
        private final boolean bounded;
        private final boolean sweep;
        private final boolean lowestFirst;

        /**
         * A range of run orders.
         *
         * @param floors lowest run order in each lane
         * @param ceiling run order to stop before
         * @param sweep whether it reads below the floors
         */
        Range(long[] floors, long ceiling, boolean sweep) {
            this(floors, filled(ceiling), ceiling != UNBOUNDED, sweep, false);
        }

        private Range(long[] floors, long[] ceilings, boolean bounded, boolean sweep, boolean lowestFirst) {
            this.floors = floors;
            this.ceilings = ceilings;
            this.bounded = bounded;
            this.sweep = sweep;
            this.lowestFirst = lowestFirst;
        }

        /** The same range, its lanes walked from the lowest priority to the highest. */
        Range fromLowest() {
            return new Range(floors, ceilings, bounded, sweep, true);
        }

        /** All of it in higher priorities, in this one what is below a run order, and nothing of lower ones. */
        Range below(long runOrder, int priority) {
            long[] lowered = ceilings.clone();
            Arrays.fill(lowered, priority, lowered.length, 0);
            lowered[priority - 1] = Math.min(lowered[priority - 1], runOrder);
            return new Range(floors, lowered, bounded, sweep, lowestFirst);
        }

        /** All of it in higher priorities, in this one what begins at a run order, and nothing of lower ones. */
        Range from(long runOrder, int priority) {
            long[] raised = floors.clone();
            Arrays.fill(raised, priority, raised.length, UNBOUNDED);
            raised[priority - 1] = Math.max(raised[priority - 1], runOrder);
            return new Range(raised, ceilings, bounded, sweep, lowestFirst);
        }

        boolean isFromLowest() {
            return lowestFirst;
        }

        long floor(int lane) {
            return floors[lane];
        }

        long ceiling(int lane) {
            return ceilings[lane];
        }

        /** Whether it ends before the newest jobs. */
        boolean isBounded() {
            return bounded;
        }

        boolean sweep() {
            return sweep;
        }
    }

    private static final long SWEEP_EVERY_NANOS = Duration.ofSeconds(1).toNanos();
    private static final int SWEEP_COST_FACTOR = 20;
    /** Commits that take longer than this are left to the sweep. */
    private static final long MARK_AGE_NANOS = Duration.ofSeconds(5).toNanos();
    /** Commits that are no later than this are found by the next claim. Longer would be more dead rows to walk over, each time. */
    private static final long DISTANCE_NANOS = Duration.ofMillis(100).toNanos();
    /** A claim that takes longer reads too much: then any floor is better than none, and the sweep must do for late commits. */
    private static final long COSTLY_NANOS = Duration.ofMillis(20).toNanos();
    /** A window that takes less is made larger. */
    private static final long CHEAP_WINDOW_NANOS = Duration.ofMillis(200).toNanos();

    private static final long UNBOUNDED = Long.MAX_VALUE;
    private static final long SMALLEST_WINDOW = 1_000;

    private final long[] floors = new long[JobTable.LANES];
    /** The floors to be, once they are old enough. */
    private final long[] nextFloors = new long[JobTable.LANES];

    private long nextFloorsNanos;
    /** Whether a sweep has been through once: until then every other claim is one. */
    private boolean swept;

    private boolean sweptLast;
    private long nextSweepNanos;
    private long sweepFrom;
    private long window = UNBOUNDED;
    private long mark;
    private long markNanos;

    private static long[] filled(long value) {
        long[] filled = new long[JobTable.LANES];
        Arrays.fill(filled, value);
        return filled;
    }

    boolean sweepDue(long nowNanos) {
        return swept ? nowNanos - nextSweepNanos >= 0 : !sweptLast;
    }

    Range floored() {
        return new Range(floors.clone(), UNBOUNDED, false);
    }

    Range sweep() {
        return new Range(filled(sweepFrom), window == UNBOUNDED ? UNBOUNDED : sweepFrom + window, true);
    }

    /** Whether the position of the sequence is wanted for a new mark, before the next claim. */
    boolean markDue(long nowNanos) {
        return mark == 0 || nowNanos - markNanos > 2 * MARK_AGE_NANOS;
    }

    /** The highest run order given so far, read before the next claim. */
    void mark(long position, long nowNanos) {
        mark = position;
        markNanos = nowNanos;
    }

    /**
     * Takes note of a claim.
     *
     * @param full whether it brought as many as it asked for
     */
    void claimed(Range range, List<LeasedJob> jobs, boolean full, long beganNanos, long endedNanos) {
        sweptLast = range.sweep();
        long cost = endedNanos - beganNanos;
        boolean bounded = range.isBounded();
        if (range.sweep()) {
            nextSweepNanos = endedNanos + Math.max(SWEEP_EVERY_NANOS, SWEEP_COST_FACTOR * cost);
            if (bounded) {
                // A full window has more to give at once; else the next one is up.
                if (full) {
                    nextSweepNanos = endedNanos;
                } else {
                    nextWindow(cost);
                }
                return;
            }
            swept = true;
        }
        if (full) {
            raise(lowest(jobs), range.sweep(), cost > COSTLY_NANOS, endedNanos);
        } else if (beganNanos - markNanos > MARK_AGE_NANOS || cost > COSTLY_NANOS) {
            // All lanes were read to their ends, so below the mark there is nothing left to claim but late commits.
            floorsToMark();
        }
    }

    /** Takes note of a claim that ran into the statement limit: there is too much to walk over at once. */
    void timedOut(Range range, long endedNanos) {
        sweptLast = range.sweep();
        if (range.sweep()) {
            long tried = range.isBounded() ? window : Math.max(mark - sweepFrom, SMALLEST_WINDOW);
            window = Math.max(SMALLEST_WINDOW, tried / 4);
            nextSweepNanos = endedNanos;
        } else {
            // What is left below the mark is for the sweep, which must go through afresh.
            swept = false;
            nextSweepNanos = endedNanos;
        }
        floorsToMark();
    }

    private void nextWindow(long cost) {
        sweepFrom += window;
        if (cost < CHEAP_WINDOW_NANOS) {
            window *= 2;
        }
        if (sweepFrom > mark) {
            sweepFrom = 0;
            swept = true;
            if (window > mark) {
                window = UNBOUNDED;
            }
        }
    }

    private void floorsToMark() {
        for (int lane = 0; lane < floors.length; lane++) {
            floors[lane] = Math.max(floors[lane], mark);
        }
    }

    /** To where full claims began, of which the last began at {@code lowest}. */
    private void raise(long[] lowest, boolean sweep, boolean atOnce, long nowNanos) {
        boolean due = atOnce || nextFloorsNanos == 0 || nowNanos - nextFloorsNanos > DISTANCE_NANOS;
        for (int lane = 0; lane < floors.length; lane++) {
            long began = lowest[lane];
            if (sweep && began != 0 && began < floors[lane]) {
                // Only a full sweep may move a floor back: then there is more where it found these.
                floors[lane] = began;
                nextFloors[lane] = began;
            } else if (due) {
                floors[lane] = Math.max(floors[lane], atOnce ? began : nextFloors[lane]);
                nextFloors[lane] = Math.max(floors[lane], began);
            }
        }
        if (due) {
            nextFloorsNanos = nowNanos;
        }
    }

    /** By lane; 0 where there is none. */
    private static long[] lowest(List<LeasedJob> jobs) {
        long[] lowest = new long[JobTable.LANES];
        for (LeasedJob job : jobs) {
            int lane = job.priority() - 1;
            lowest[lane] = lowest[lane] == 0 ? job.token() : Math.min(lowest[lane], job.token());
        }
        return lowest;
    }
}
