package dev.millrace.ops;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which page of a list is wanted. Immutable: each method returns a changed copy. */
public final class PageRequest {

    /** The first 100 jobs, newest first. */
    public static final PageRequest FIRST = new PageRequest(100, JobOrder.NEWEST_FIRST, null, null);

    private static final int MAX_SIZE = 1_000;
    private static final Pattern TOKEN = Pattern.compile("([nod])(?:(-?\\d{1,19})\\.)?(-?\\d{1,19})");

    private final int size;
    private final JobOrder order;
    private final @Nullable Place after;
    private final @Nullable Integer reading;

    /** The last job of a page: its id, and its due time in microseconds where that is what counts. */
    record Place(JobOrder order, long micros, long id) {

        /** PostgreSQL has no moment that far away but infinity, which the driver gives and takes as the last one of Java. */
        private static final long INFINITY = Long.MAX_VALUE;

        static Place of(JobOrder order, JobSummary job) {
            if (order != JobOrder.DUE_FIRST) {
                return new Place(order, 0, job.id());
            }
            Instant due = job.scheduledAt();
            boolean infinite = due.compareTo(OffsetDateTime.MAX.toInstant()) >= 0;
            return new Place(
                    order, infinite ? INFINITY : due.getEpochSecond() * 1_000_000 + due.getNano() / 1_000, job.id());
        }

        OffsetDateTime due() {
            return micros == INFINITY
                    ? OffsetDateTime.MAX
                    : Instant.EPOCH.plus(micros, ChronoUnit.MICROS).atOffset(ZoneOffset.UTC);
        }

        String token() {
            return order == JobOrder.DUE_FIRST
                    ? "d" + micros + "." + id
                    : (order == JobOrder.NEWEST_FIRST ? "n" : "o") + id;
        }
    }

    private PageRequest(int size, JobOrder order, @Nullable Place after, @Nullable Integer reading) {
        this.size = size;
        this.order = order;
        this.after = after;
        this.reading = reading;
    }

    /**
     * Most jobs on the page; default 100.
     *
     * @throws IllegalArgumentException outside 1 to 1,000
     */
    public PageRequest size(int size) {
        if (size < 1 || size > MAX_SIZE) {
            throw new IllegalArgumentException("Page size " + size + " is out of range: 1 to " + MAX_SIZE);
        }
        return new PageRequest(size, order, after, reading);
    }

    /**
     * Ends the page when so many jobs of the states asked for, and of those that share their partitions, were looked at, however few
     * of them match; default: looks until the page is full. Such a page may hold few jobs or none and still have a next one. By due
     * time there is no such end.
     *
     * @throws IllegalArgumentException outside 1 to 1,000,000
     */
    public PageRequest reading(int jobs) {
        return new PageRequest(size, order, after, JobQueries.requireReading(jobs));
    }

    /** Order of the list; default newest first. The list starts from its beginning. */
    public PageRequest order(JobOrder order) {
        return new PageRequest(size, order, null, reading);
    }

    /**
     * The page after the one that gave this token, in the same order. It holds no more than a place in the order, so it may be
     * kept for any time and used with another filter.
     *
     * @param token {@link JobPage#next}; null for the first page
     * @throws IllegalArgumentException for a text that is no such token
     */
    public PageRequest after(@Nullable String token) {
        if (token == null) {
            return new PageRequest(size, order, null, reading);
        }
        Matcher matcher = TOKEN.matcher(token);
        if (!matcher.matches() || (matcher.group(2) != null) != token.startsWith("d")) {
            throw noToken(token);
        }
        JobOrder its = token.startsWith("n")
                ? JobOrder.NEWEST_FIRST
                : token.startsWith("o") ? JobOrder.OLDEST_FIRST : JobOrder.DUE_FIRST;
        try {
            long micros = matcher.group(2) == null ? 0 : Long.parseLong(matcher.group(2));
            return new PageRequest(size, its, new Place(its, micros, Long.parseLong(matcher.group(3))), reading);
        } catch (NumberFormatException tooLarge) {
            throw noToken(token);
        }
    }

    private static IllegalArgumentException noToken(String token) {
        return new IllegalArgumentException(
                "'" + token + "' is not the place of a page: use what the page before gave as its next");
    }

    int size() {
        return size;
    }

    JobOrder order() {
        return order;
    }

    @Nullable Place after() {
        return after;
    }

    /** Most jobs to look at; null for no end. */
    @Nullable Integer reading() {
        return reading;
    }
}
