package dev.millrace.periodic;

import dev.millrace.job.DurationText;
import java.time.DateTimeException;
import java.time.ZoneId;

/**
 * A schedule as the table has it. Immutable.
 *
 * @param text {@code cron …}, {@code every …}, or {@code code} for one that only the program knows
 * @param zone of a cron expression; UTC for others
 */
record ScheduleText(String text, String zone) {

    static final String CODE = "code";

    private static final String CRON = "cron ";
    private static final String EVERY = "every ";

    static ScheduleText of(Schedule schedule) {
        if (schedule instanceof CronSchedule cron) {
            return new ScheduleText(CRON + cron.fields().text(), cron.zone().getId());
        }
        if (schedule instanceof IntervalSchedule every) {
            return new ScheduleText(EVERY + every.interval(), "UTC");
        }
        return new ScheduleText(CODE, "UTC");
    }

    static Schedule parse(String text, String zone) {
        if (text.startsWith(CRON)) {
            return Schedule.cron(text.substring(CRON.length()), zone(zone));
        }
        if (text.startsWith(EVERY)) {
            return Schedule.every(
                    DurationText.parse(text.substring(EVERY.length()).strip()));
        }
        throw new IllegalArgumentException(
                "Schedule '" + text + "' is not understood: write 'cron 0 9 * * MON-FRI' or 'every 15m'");
    }

    private static ZoneId zone(String zone) {
        try {
            return ZoneId.of(zone);
        } catch (DateTimeException unknown) {
            throw new IllegalArgumentException(
                    "Time zone '" + zone + "' is not known here: write one such as Europe/Berlin or UTC", unknown);
        }
    }
}
