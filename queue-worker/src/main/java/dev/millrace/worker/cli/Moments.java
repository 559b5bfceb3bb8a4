package dev.millrace.worker.cli;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;

/** Reads moments with an offset, as ISO-8601 writes them: {@code 2027-01-31T12:00:00Z}. */
final class Moments {

    /** Far enough for everyone, and within what PostgreSQL stores. */
    private static final Instant LEAST = Instant.parse("0001-01-01T00:00:00Z");

    private Moments() {}

    static Instant parse(String text) {
        Instant moment;
        try {
            moment = OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeParseException failure) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not a moment: write 2027-01-31T12:00:00Z or 2027-01-31T12:00:00+01:00", failure);
        }
        if (moment.isBefore(LEAST)) {
            throw new IllegalArgumentException("Moment " + moment + " is out of range: from " + LEAST);
        }
        return moment;
    }
}
