package dev.millrace.periodic;

import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Reads cron expressions. Every message names the field, what was written there, and what could be. Stateless. */
final class CronParser {

    private static final int MAX_LENGTH = 256;

    private static final Map<String, String> MACROS = Map.of(
            "@yearly", "0 0 1 1 *",
            "@annually", "0 0 1 1 *",
            "@monthly", "0 0 1 * *",
            "@weekly", "0 0 * * 0",
            "@daily", "0 0 * * *",
            "@midnight", "0 0 * * *",
            "@hourly", "0 * * * *");

    private static final List<String> MONTHS =
            List.of("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC");
    private static final List<String> WEEKDAYS = List.of("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT");

    /** The calendar repeats after 400 years. */
    private static final LocalDate CYCLE_START = LocalDate.of(2000, 1, 1);

    private CronParser() {}

    static CronFields parse(String expression) {
        String text = expression.strip();
        if (text.length() > MAX_LENGTH) {
            throw new IllegalArgumentException(
                    "Cron expression of " + text.length() + " characters is too long: up to " + MAX_LENGTH);
        }
        String expanded = text.startsWith("@") ? macro(text) : text;
        String[] parts = expanded.split("\\s+", -1);
        if (parts.length < 5 || parts.length > 6) {
            throw new IllegalArgumentException("Cron expression '" + text + "' has "
                    + (text.isEmpty() ? 0 : parts.length)
                    + " fields: write 5 (minute hour day-of-month month day-of-week), or 6 with seconds first");
        }
        String name = text.startsWith("@") ? text.toLowerCase(Locale.ROOT) : String.join(" ", parts);
        int at = parts.length - 5;
        CronField second = new CronField(name, "second", at == 0 ? "0" : parts[0], 0, 59, List.of());
        CronField minute = new CronField(name, "minute", parts[at], 0, 59, List.of());
        CronField hour = new CronField(name, "hour", parts[at + 1], 0, 23, List.of());
        CronField ofMonth = new CronField(name, "day-of-month", parts[at + 2], 1, 31, List.of());
        CronField month = new CronField(name, "month", parts[at + 3], 1, 12, MONTHS);
        CronField ofWeek = new CronField(name, "day-of-week", parts[at + 4], 0, 7, WEEKDAYS);
        CronFields fields = new CronFields(
                name,
                second.bits(),
                minute.bits(),
                hour.bits(),
                month.bits(),
                days(ofMonth, ofWeek),
                hour.beginsWithStar());
        requirePossible(fields);
        return fields;
    }

    private static String macro(String text) {
        String expanded = MACROS.get(text.toLowerCase(Locale.ROOT));
        if (expanded == null) {
            throw new IllegalArgumentException("Cron expression '" + text
                    + "' is not known: @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly are");
        }
        return expanded;
    }

    private static CronDays days(CronField ofMonth, CronField ofWeek) {
        long[] month = new long[3];
        boolean[] lastWeekday = new boolean[1];
        for (String item : ofMonth.items()) {
            if (item.equals("LW")) {
                lastWeekday[0] = true;
            } else if (item.equals("L")) {
                month[1] |= 1;
            } else if (item.startsWith("L-")) {
                month[1] |= 1L << ofMonth.number(item.substring(2), 1, 30);
            } else if (item.endsWith("W")) {
                month[2] |= 1L << ofMonth.number(item.substring(0, item.length() - 1), 1, 31);
            } else {
                month[0] |= ofMonth.plain(item);
            }
        }
        long week = 0;
        long nth = 0;
        for (String item : ofWeek.items()) {
            int hash = item.indexOf('#');
            if (hash >= 0) {
                int day = ofWeek.value(item.substring(0, hash)) % 7;
                nth |= 1L << ((8 * day) + ofWeek.number(item.substring(hash + 1), 1, 5));
            } else if (item.length() > 1 && item.endsWith("L")) {
                nth |= 1L << (8 * (ofWeek.value(item.substring(0, item.length() - 1)) % 7));
            } else {
                long days = ofWeek.plain(item);
                // Sunday is 0 and 7.
                week |= (days | days >> 7) & 0x7F;
            }
        }
        boolean either = !ofMonth.beginsWithStar() && !ofWeek.beginsWithStar();
        return new CronDays(month[0], month[1], month[2], lastWeekday[0], week, nth, either);
    }

    /** Most expressions are through at the first step; one that never comes true takes some thousand. */
    private static void requirePossible(CronFields fields) {
        for (int years = 0; years < 400; years += 40) {
            if (fields.firstDayFrom(CYCLE_START.plusYears(years)) != null) {
                return;
            }
        }
        throw new IllegalArgumentException(
                "Cron expression '" + fields.text() + "' never comes true: none of its months has such a day");
    }
}
