package dev.millrace.periodic;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * When a periodic job is due: an endless or ending row of moments, the <em>ticks</em>. Implementations must be safe for use by many
 * threads, quick, and a pure function of their argument: the same question must have the same answer on every worker, whenever it is
 * asked. What is not (the time of day, a counter, something read from elsewhere) makes ticks that some workers know and others do not.
 *
 * <p>Moments are taken to the microsecond, as the database stores them.
 */
@FunctionalInterface
public interface Schedule {

    /**
     * The first tick after a moment.
     *
     * @param after any moment, not necessarily a tick
     * @return a moment strictly after it; null if there is none any more
     */
    @Nullable Instant next(Instant after);

    /**
     * A cron expression in a time zone: {@code minute hour day-of-month month day-of-week}, with seconds as a sixth field before
     * them, or one of {@code @yearly @monthly @weekly @daily @hourly}.
     *
     * <p>A field is {@code *} or a list of numbers, names ({@code JAN}, {@code MON}), ranges {@code a-b} and steps {@code a-b/n},
     * {@code *}{@code /n}. Days of the month may also be {@code L} (the last), {@code L-3}, {@code LW} (the last weekday) and {@code 15W} (the
     * weekday nearest to the 15th in the same month), days of the week {@code FRI#2} (the second Friday) and {@code FRIL} (the last).
     * Sunday is 0 and 7. If both day fields are restricted, that is: neither begins with {@code *}, a day that fits either is
     * meant; else it must fit both.
     *
     * <p>Where clocks change, it depends on the hour field. If it begins with {@code *}, the job runs whenever a clock on the wall
     * shows the time: not at all for a time that is skipped, twice for one that comes twice. Else it means a time of a day and runs
     * once: at the end of the gap for a time that is skipped (several such times are one), at the first occurrence of a time
     * that comes twice.
     *
     * @throws IllegalArgumentException if it can't be understood, or never comes true, such as 30 February; the message says where and
     *     what is allowed
     */
    static Schedule cron(String expression, ZoneId zone) {
        return new CronSchedule(CronParser.parse(expression), zone);
    }

    /**
     * Every so much time, counted from the beginning of 1970 (UTC) and not from the start of any process: every 15 minutes means at
     * :00, :15, :30 and :45. It is elapsed time: a day is 24 hours.
     *
     * @throws IllegalArgumentException unless it is whole seconds, from 1 second to 3,660 days
     */
    static Schedule every(Duration interval) {
        return new IntervalSchedule(interval);
    }

    /**
     * Reads a schedule in the form that the table has: {@code cron 0 9 * * MON-FRI} or {@code every PT15M} (also {@code every 15m}; s, m,
     * h, d).
     *
     * @param zone for cron expressions, such as {@code Europe/Berlin}
     * @throws IllegalArgumentException if the text or the zone can't be understood
     */
    static Schedule parse(String text, String zone) {
        return ScheduleText.parse(text, zone);
    }

    /**
     * The next ticks, for people to look at.
     *
     * @return at most {@code count}, fewer if the schedule ends
     * @throws IllegalArgumentException for a count outside 0 to 1,000
     */
    default List<Instant> upcoming(Instant after, int count) {
        if (count < 0 || count > 1_000) {
            throw new IllegalArgumentException("Count " + count + " is out of range: 0 to 1000");
        }
        List<Instant> ticks = new ArrayList<>();
        Instant tick = next(after);
        while (ticks.size() < count && tick != null) {
            ticks.add(tick);
            tick = next(tick);
        }
        return ticks;
    }
}
