package dev.millrace.periodic;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import org.jspecify.annotations.Nullable;

/**
 * The times of a clock on the wall that a cron expression names, without any zone. Immutable.
 *
 * @param text the expression
 * @param seconds one bit for each second, as the following for theirs
 * @param months bits 1 to 12
 * @param days which days
 * @param everyHour whether the hour field begins with a star
 */
record CronFields(String text, long seconds, long minutes, long hours, long months, CronDays days, boolean everyHour) {

    /** The fifth Monday of February is up to 40 years away; nothing that comes at all is further. */
    private static final int HORIZON_YEARS = 41;

    private static final int LAST_YEAR = 9_999;

    /** The first time at or after this one that the expression names; null if there is none within the horizon. */
    @Nullable LocalDateTime firstFrom(LocalDateTime from) {
        LocalDate date = from.toLocalDate();
        LocalTime time = firstTimeFrom(from.getHour(), from.getMinute(), from.getSecond());
        if (time == null) {
            date = date.plusDays(1);
            time = midnightOrLater();
        }
        LocalDate first = firstDayFrom(date);
        if (first == null) {
            return null;
        }
        return first.atTime(first.equals(from.toLocalDate()) ? time : midnightOrLater());
    }

    /** The first day at or after this one; null if there is none within the horizon. */
    @Nullable LocalDate firstDayFrom(LocalDate from) {
        LocalDate day = from;
        int end = Math.min(from.getYear() + HORIZON_YEARS, LAST_YEAR);
        while (day.getYear() <= end) {
            if ((months >> day.getMonthValue() & 1) == 0) {
                day = day.withDayOfMonth(1).plusMonths(1);
            } else if (days.contains(day)) {
                return day;
            } else {
                day = day.plusDays(1);
            }
        }
        return null;
    }

    private LocalTime midnightOrLater() {
        return LocalTime.of(first(hours, 0), first(minutes, 0), first(seconds, 0));
    }

    private @Nullable LocalTime firstTimeFrom(int hour, int minute, int second) {
        int s = first(seconds, second);
        int m = first(minutes, s < 0 ? minute + 1 : minute);
        int h = first(hours, m < 0 ? hour + 1 : hour);
        if (h < 0) {
            return null;
        }
        if (h > hour || m < 0) {
            return LocalTime.of(h, first(minutes, 0), first(seconds, 0));
        }
        return LocalTime.of(h, m, m > minute ? first(seconds, 0) : s);
    }

    /** The lowest bit at or above this one, -1 if there is none. */
    private static int first(long bits, int from) {
        long rest = from >= Long.SIZE ? 0 : bits & -1L << from;
        return rest == 0 ? -1 : Long.numberOfTrailingZeros(rest);
    }
}
