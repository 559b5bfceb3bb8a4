package dev.millrace.worker.engine;

import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.Schedule;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is to be done about one periodic job now. Pure: two leaders that see the same make the same plan.
 *
 * @param ticks to enqueue, in order
 * @param after all ticks up to here are dealt with then
 * @param next the tick after that; null if there is none any more
 */
record TickPlan(
        List<Instant> ticks, Instant after, @Nullable Instant next) {

    /** A new leader takes seconds, a failover of the database some more: what is later was missed. */
    static final Duration ON_TIME = Duration.ofMinutes(1);

    /** Most ticks of one statement; the rest follow at once. */
    static final int BATCH = 100;

    /** What the database can store and people can mean. */
    private static final Instant LATEST = Instant.parse("9999-12-31T00:00:00Z");

    /**
     * Plans for this moment.
     *
     * @param after up to where ticks have been dealt with
     * @throws IllegalStateException if the schedule does not go forward
     */
    static TickPlan of(Schedule schedule, Instant after, Instant now, MissedTicks missed) {
        Instant first = next(schedule, after);
        if (first == null || first.isAfter(now)) {
            return new TickPlan(List.of(), after, first);
        }
        if (missed == MissedTicks.ALL) {
            return inOrder(schedule, first, now);
        }
        Instant beforeOnTime = now.minus(ON_TIME).minus(1, ChronoUnit.MICROS);
        Instant onTime = beforeOnTime.isAfter(after) ? next(schedule, beforeOnTime) : first;
        if (onTime != null && !onTime.isAfter(now)) {
            return inOrder(schedule, onTime, now);
        }
        if (missed == MissedTicks.SKIP) {
            return new TickPlan(List.of(), now, onTime);
        }
        Instant newest = newest(schedule, first, now);
        return new TickPlan(List.of(newest), newest, onTime);
    }

    private static TickPlan inOrder(Schedule schedule, Instant first, Instant now) {
        List<Instant> ticks = new ArrayList<>();
        Instant last = first;
        Instant tick = first;
        while (tick != null && !tick.isAfter(now) && ticks.size() < BATCH) {
            ticks.add(tick);
            last = tick;
            tick = next(schedule, tick);
        }
        return new TickPlan(ticks, last, tick);
    }

    /** By halving: a schedule of every second after a year away has 31 million ticks. */
    private static Instant newest(Schedule schedule, Instant first, Instant now) {
        Instant known = first;
        Instant none = now;
        Instant following = next(schedule, known);
        while (following != null && !following.isAfter(now)) {
            known = following;
            Instant middle =
                    known.plus(Duration.between(known, none).dividedBy(2)).truncatedTo(ChronoUnit.MICROS);
            if (middle.isAfter(known)) {
                Instant tick = next(schedule, middle);
                if (tick != null && !tick.isAfter(now)) {
                    known = tick;
                } else {
                    none = middle;
                }
            }
            following = next(schedule, known);
        }
        return known;
    }

    /** The first microsecond after this one in which there is a tick: the rest of a tick's own would give the same tick again. */
    private static @Nullable Instant next(Schedule schedule, Instant after) {
        Instant endOfMicrosecond = after.plusNanos(999);
        Instant next = schedule.next(endOfMicrosecond);
        if (next == null || next.isAfter(LATEST)) {
            return null;
        }
        if (!next.isAfter(endOfMicrosecond)) {
            throw new IllegalStateException("The schedule does not go forward: after " + after + " it says " + next);
        }
        return next.truncatedTo(ChronoUnit.MICROS);
    }
}
