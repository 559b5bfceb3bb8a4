package dev.millrace.periodic;

import java.time.DayOfWeek;
import java.time.LocalDate;

/**
 * The days that the two day fields of a cron expression name. Immutable.
 *
 * @param ofMonth bits 1 to 31
 * @param fromLast bits 0 to 30: so many days before the last of the month
 * @param nearest bits 1 to 31: the weekday nearest to this day
 * @param lastWeekday whether the last weekday of the month is meant
 * @param ofWeek bits 0 (Sunday) to 6
 * @param nth for each day of the week, shifted by 8 times its number: bits 1 to 5 for the nth of the month, bit 0 for the last
 * @param either whether a day that fits one of the two fields is meant: both are restricted
 */
record CronDays(long ofMonth, long fromLast, long nearest, boolean lastWeekday, long ofWeek, long nth, boolean either) {

    boolean contains(LocalDate day) {
        return either ? fitsMonth(day) || fitsWeek(day) : fitsMonth(day) && fitsWeek(day);
    }

    private boolean fitsMonth(LocalDate day) {
        int number = day.getDayOfMonth();
        int length = day.lengthOfMonth();
        return bit(ofMonth, number)
                || bit(fromLast, length - number)
                || (lastWeekday && number == nearestWeekday(day, length))
                || (nearest != 0 && isNearest(day, number, length));
    }

    /** A weekday is the nearest to itself, or to a day of the weekend at most two days away. */
    private boolean isNearest(LocalDate day, int number, int length) {
        for (int target = Math.max(1, number - 2); target <= Math.min(length, number + 2); target++) {
            if (bit(nearest, target) && number == nearestWeekday(day, target)) {
                return true;
            }
        }
        return false;
    }

    /** Saturday gives way to Friday and Sunday to Monday, unless that is in another month. */
    private static int nearestWeekday(LocalDate month, int target) {
        DayOfWeek weekday = month.withDayOfMonth(target).getDayOfWeek();
        return switch (weekday) {
            case SATURDAY -> target > 1 ? target - 1 : target + 2;
            case SUNDAY -> target < month.lengthOfMonth() ? target + 1 : target - 2;
            default -> target;
        };
    }

    private boolean fitsWeek(LocalDate day) {
        int weekday = day.getDayOfWeek().getValue() % 7;
        long places = nth >> (8 * weekday);
        return bit(ofWeek, weekday)
                || bit(places, (day.getDayOfMonth() + 6) / 7)
                || (bit(places, 0) && day.getDayOfMonth() + 7 > day.lengthOfMonth());
    }

    private static boolean bit(long bits, int number) {
        return (bits >> number & 1) != 0;
    }
}
