package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.Schedule;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TickPlanTest {

    private static final Schedule HOURLY = Schedule.every(Duration.ofHours(1));

    private static Instant at(String time) {
        return Instant.parse("2027-01-01T" + time + "Z");
    }

    @ParameterizedTest
    @EnumSource
    void plan_beforeTheTick_isToWait(MissedTicks missed) {
        assertThat(TickPlan.of(HOURLY, at("10:00:00"), at("10:59:59.999999"), missed))
                .isEqualTo(new TickPlan(List.of(), at("10:00:00"), at("11:00:00")));
    }

    @ParameterizedTest
    @EnumSource
    void plan_atTheTickAndUpToAMinuteLater_isThatTick(MissedTicks missed) {
        TickPlan tick = new TickPlan(List.of(at("11:00:00")), at("11:00:00"), at("12:00:00"));

        assertThat(TickPlan.of(HOURLY, at("10:00:00"), at("11:00:00"), missed)).isEqualTo(tick);
        assertThat(TickPlan.of(HOURLY, at("10:00:00"), at("11:01:00"), missed)).isEqualTo(tick);
    }

    @Test
    void plan_moreThanAMinuteLate_isByPolicy() {
        Instant late = at("13:01:00.000001");

        assertThat(TickPlan.of(HOURLY, at("10:00:00"), late, MissedTicks.SKIP))
                .isEqualTo(new TickPlan(List.of(), late, at("14:00:00")));
        assertThat(TickPlan.of(HOURLY, at("10:00:00"), late, MissedTicks.ONE))
                .isEqualTo(new TickPlan(List.of(at("13:00:00")), at("13:00:00"), at("14:00:00")));
        assertThat(TickPlan.of(HOURLY, at("10:00:00"), late, MissedTicks.ALL))
                .isEqualTo(new TickPlan(
                        List.of(at("11:00:00"), at("12:00:00"), at("13:00:00")), at("13:00:00"), at("14:00:00")));
    }

    @Test
    void plan_missedAndOneOnTime_isOnlyThatUnlessAll() {
        TickPlan onTime = new TickPlan(List.of(at("13:00:00")), at("13:00:00"), at("14:00:00"));

        assertThat(TickPlan.of(HOURLY, at("10:00:00"), at("13:00:10"), MissedTicks.SKIP))
                .isEqualTo(onTime);
        assertThat(TickPlan.of(HOURLY, at("10:00:00"), at("13:00:10"), MissedTicks.ONE))
                .isEqualTo(onTime);
        assertThat(TickPlan.of(HOURLY, at("10:00:00"), at("13:00:10"), MissedTicks.ALL)
                        .ticks())
                .hasSize(3);
    }

    @ParameterizedTest
    @EnumSource
    void plan_everySecondAfterTenYearsAway_isBoundedInTicksAndQuestions(MissedTicks missed) {
        AtomicInteger questions = new AtomicInteger();
        Schedule second = Schedule.every(Duration.ofSeconds(1));
        Schedule counted = after -> {
            questions.incrementAndGet();
            return second.next(after);
        };

        TickPlan plan = TickPlan.of(counted, at("00:00:00").minus(Duration.ofDays(3_650)), at("00:00:00"), missed);

        assertThat(plan.ticks()).hasSize(missed == MissedTicks.ALL ? TickPlan.BATCH : 61);
        assertThat(questions).hasValueLessThan(200);
    }

    @Test
    void newest_ofIrregularTicks_isTheLastBeforeNow() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 2_000; round++) {
            long[] ticks = random.longs(1 + random.nextInt(50), 0, 1L << 4 + random.nextInt(50))
                    .sorted()
                    .distinct()
                    .toArray();
            Instant base = at("00:00:00");
            Schedule schedule = after -> {
                for (long tick : ticks) {
                    if (base.plusNanos(tick * 1_000).isAfter(after)) {
                        return base.plusNanos(tick * 1_000);
                    }
                }
                return null;
            };
            int until = random.nextInt(ticks.length);
            Instant last = base.plusNanos(ticks[until] * 1_000);
            Instant now = until + 1 == ticks.length
                    ? last.plus(Duration.ofDays(1))
                    : base.plusNanos(ticks[until + 1] * 1_000 - 1_000);
            TickPlan plan = TickPlan.of(schedule, base.minusNanos(1_000), now, MissedTicks.ONE);
            if (Duration.between(last, now).compareTo(TickPlan.ON_TIME) > 0) {
                assertThat(plan.ticks()).as("seed %d", seed).containsExactly(last);
                assertThat(plan.next())
                        .isEqualTo(until + 1 == ticks.length ? null : base.plusNanos(ticks[until + 1] * 1_000));
            } else if (plan.ticks().size() < TickPlan.BATCH) {
                assertThat(plan.after()).as("seed %d", seed).isEqualTo(last);
            }
        }
    }

    @Test
    void plan_scheduleThatEnds_hasNoNext() {
        Instant only = at("11:00:00");
        Schedule once = after -> after.isBefore(only) ? only : null;

        assertThat(TickPlan.of(once, at("10:00:00"), at("11:00:00"), MissedTicks.ONE))
                .isEqualTo(new TickPlan(List.of(only), only, null));
        assertThat(TickPlan.of(once, only, at("12:00:00"), MissedTicks.ONE).next())
                .isNull();
        assertThat(TickPlan.of(after -> Instant.MAX, only, at("12:00:00"), MissedTicks.ONE)
                        .next())
                .isNull();
    }

    @Test
    void plan_scheduleThatStandsStill_isRefused() {
        assertThatThrownBy(() -> TickPlan.of(after -> after, at("10:00:00"), at("11:00:00"), MissedTicks.ONE))
                .hasMessageContaining("does not go forward: after 2027-01-01T10:00:00Z");
    }

    @Test
    void plan_tickBetweenTwoMicroseconds_isOneTick() {
        Instant only = at("11:00:00.123456789");
        Schedule once = after -> after.isBefore(only) ? only : null;
        Instant stored = at("11:00:00.123456");

        assertThat(TickPlan.of(once, at("10:00:00"), at("11:00:01"), MissedTicks.ALL))
                .isEqualTo(new TickPlan(List.of(stored), stored, null));
        assertThat(TickPlan.of(once, stored, at("11:00:01"), MissedTicks.ALL).ticks())
                .isEmpty();
    }

    @Test
    void plan_clockThatWentBackwards_isToWait() {
        assertThat(TickPlan.of(HOURLY, at("11:00:00"), at("10:30:00"), MissedTicks.ALL))
                .isEqualTo(new TickPlan(List.of(), at("11:00:00"), at("12:00:00")));
    }
}
