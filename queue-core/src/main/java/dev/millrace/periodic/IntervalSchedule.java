package dev.millrace.periodic;

import java.time.Duration;
import java.time.Instant;

/**
 * Every so many seconds since 1970. Immutable.
 *
 * @param interval whole seconds
 */
record IntervalSchedule(Duration interval) implements Schedule {

    private static final Duration MIN = Duration.ofSeconds(1);
    /** Ten years: longer is a slip of units. */
    private static final Duration MAX = Duration.ofDays(3_660);

    IntervalSchedule {
        if (interval.compareTo(MIN) < 0
                || interval.compareTo(MAX) > 0
                || !Duration.ofSeconds(interval.toSeconds()).equals(interval)) {
            throw new IllegalArgumentException(
                    "Interval " + interval + " is out of range: whole seconds, 1 second to " + MAX.toDays() + " days");
        }
    }

    @Override
    public Instant next(Instant after) {
        long seconds = interval.toSeconds();
        return Instant.ofEpochSecond(
                Math.multiplyExact(Math.addExact(Math.floorDiv(after.getEpochSecond(), seconds), 1), seconds));
    }
}
