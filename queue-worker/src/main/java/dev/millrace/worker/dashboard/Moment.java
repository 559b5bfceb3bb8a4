package dev.millrace.worker.dashboard;

import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * A moment as pages show it: absolute and from now.
 *
 * @param iso for machines
 * @param utc to the second
 * @param ago such as {@code 5 min ago} or {@code in 3 h}
 */
record Moment(String iso, String utc, String ago) {

    private static final DateTimeFormatter UTC =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneOffset.UTC);
    private static final Instant LAST = Instant.parse("9999-12-31T23:59:59Z");
    private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");

    static @Nullable Moment of(@Nullable Instant moment) {
        return moment == null ? null : at(moment, Instant.now());
    }

    static Moment at(Instant moment, Instant now) {
        if (moment.isAfter(LAST)) {
            // The driver gives infinity as the last moment of Java.
            boolean infinite = moment.compareTo(OffsetDateTime.MAX.toInstant()) >= 0;
            return new Moment("", infinite ? "never" : moment.toString(), "");
        }
        if (moment.isBefore(FIRST)) {
            return new Moment("", "at once", "");
        }
        Instant second = moment.truncatedTo(ChronoUnit.SECONDS);
        Duration since = Duration.between(moment, now);
        String span = span(since.abs());
        return new Moment(
                second.toString(),
                UTC.format(second),
                since.isNegative() ? "in " + span : since.toSeconds() < 1 ? "now" : span + " ago");
    }

    /** The two greatest units at most. */
    static String span(Duration length) {
        long seconds = length.toSeconds();
        if (seconds < 1) {
            return length.toMillis() + " ms";
        }
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3_600) {
            return two(seconds / 60, "min", seconds % 60, "s");
        }
        if (seconds < 86_400) {
            return two(seconds / 3_600, "h", seconds % 3_600 / 60, "min");
        }
        return two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h");
    }

    private static String two(long great, String greatUnit, long small, String smallUnit) {
        return great + " " + greatUnit + (small == 0 || great >= 10 ? "" : " " + small + " " + smallUnit);
    }
}
