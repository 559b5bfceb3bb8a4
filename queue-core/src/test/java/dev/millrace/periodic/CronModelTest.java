package dev.millrace.periodic;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random expressions against a scan over every minute of some years that knows nothing of how the next tick is searched. */
class CronModelTest {

    private static final int MINUTE = 60;

    /** The sets of numbers that were written into an expression. */
    private record Model(
            Set<Integer> minutes,
            Set<Integer> hours,
            Set<Integer> days,
            Set<Integer> months,
            Set<Integer> weekdays,
            boolean everyHour,
            boolean anyDay,
            boolean anyWeekday) {

        boolean names(LocalDateTime time) {
            boolean day = days.contains(time.getDayOfMonth());
            boolean weekday = weekdays.contains(time.getDayOfWeek().getValue() % 7);
            return minutes.contains(time.getMinute())
                    && hours.contains(time.getHour())
                    && months.contains(time.getMonthValue())
                    && (anyDay ? anyWeekday || weekday : anyWeekday ? day : day || weekday);
        }

        /** Whether a tick is at this moment. */
        boolean isTick(ZoneRules rules, Instant moment) {
            LocalDateTime shown = LocalDateTime.ofInstant(moment, rules.getOffset(moment));
            if (everyHour) {
                return names(shown);
            }
            ZoneOffsetTransition twice = rules.getTransition(shown);
            if (twice != null && !rules.getOffset(moment).equals(twice.getOffsetBefore())) {
                return false;
            }
            ZoneOffsetTransition change = rules.previousTransition(moment.plusNanos(1));
            if (change != null && change.isGap() && change.getInstant().equals(moment)) {
                for (LocalDateTime skipped = change.getDateTimeBefore();
                        skipped.isBefore(change.getDateTimeAfter());
                        skipped = skipped.plusMinutes(1)) {
                    if (names(skipped)) {
                        return true;
                    }
                }
            }
            return names(shown);
        }
    }

    private final Random random = new Random();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "UTC",
                "Europe/Berlin",
                "America/New_York",
                "Australia/Lord_Howe",
                "America/Sao_Paulo",
                "Asia/Beirut",
                "Africa/Casablanca",
                "Asia/Kathmandu",
                "Pacific/Apia",
                "Antarctica/Troll"
            })
    void next_randomExpressions_areTheMinutesThatAScanFinds(String zone) {
        long seed = System.nanoTime();
        random.setSeed(seed);
        ZoneRules rules = ZoneId.of(zone).getRules();
        // Sao Paulo changed its clocks at midnight until 2019, Samoa skipped a day at the end of 2011.
        int year = zone.equals("Pacific/Apia") ? 2011 : 2016 + random.nextInt(3);
        for (int round = 0; round < 4; round++) {
            List<String> texts = new ArrayList<>();
            Model model = random(texts);
            String expression = String.join(" ", texts);
            Schedule schedule = Schedule.cron(expression, ZoneId.of(zone));
            Instant start = Instant.parse(year + "-01-01T00:00:00Z");
            Instant end = start.plusSeconds(500L * 24 * 60 * MINUTE);
            Instant next = schedule.next(start.minusNanos(1));
            for (Instant minute = start; minute.isBefore(end); minute = minute.plusSeconds(MINUTE)) {
                if (model.isTick(rules, minute) != minute.equals(next)) {
                    assertThat(next)
                            .as("'%s' in %s at %s, seed %d", expression, zone, minute, seed)
                            .isEqualTo(minute);
                }
                if (minute.equals(next)) {
                    Instant tick = next;
                    // Whoever asks from in between gets the same answer.
                    Instant between = tick.minusNanos(1 + random.nextInt(999_999_999));
                    assertThat(schedule.next(between)).isEqualTo(tick);
                    next = schedule.next(tick);
                    assertThat(next).isNotNull().isAfter(tick);
                }
            }
        }
    }

    private Model random(List<String> texts) {
        Set<Integer> minutes = field(texts, 0, 59, 0.2);
        boolean everyHour = random.nextInt(3) == 0;
        Set<Integer> hours;
        if (everyHour) {
            int step = 1 + random.nextInt(5);
            texts.add(step == 1 ? "*" : "*/" + step);
            hours = steps(0, 23, step);
        } else {
            hours = field(texts, 0, 23, 0);
        }
        Set<Integer> days = field(texts, 1, 31, 0.6);
        boolean anyDay = texts.get(2).equals("*");
        Set<Integer> months = field(texts, 1, 12, 0.6);
        Set<Integer> weekdays = field(texts, 0, 6, 0.6);
        boolean anyWeekday = texts.get(4).equals("*");
        // A day that some month does not have must not be all there is.
        if (!anyDay && anyWeekday && days.stream().allMatch(day -> day > 28)) {
            texts.set(2, "*");
            return new Model(minutes, hours, days, months, weekdays, everyHour, true, true);
        }
        return new Model(minutes, hours, days, months, weekdays, everyHour, anyDay, anyWeekday);
    }

    private Set<Integer> field(List<String> texts, int min, int max, double star) {
        if (random.nextDouble() < star) {
            texts.add("*");
            return steps(min, max, 1);
        }
        int from = min + random.nextInt(max - min + 1);
        int to = from + random.nextInt(max - from + 1);
        switch (random.nextInt(3)) {
            case 0 -> {
                texts.add(from + "," + to);
                return Set.copyOf(List.of(from, to).stream().distinct().toList());
            }
            case 1 -> {
                texts.add(from + "-" + to);
                return steps(from, to, 1);
            }
            default -> {
                int step = 1 + random.nextInt(Math.min(max, 7));
                texts.add(from + "-" + to + "/" + step);
                return steps(from, to, step);
            }
        }
    }

    private static Set<Integer> steps(int from, int to, int step) {
        return IntStream.rangeClosed(from, to)
                .filter(number -> (number - from) % step == 0)
                .boxed()
                .collect(Collectors.toSet());
    }
}
