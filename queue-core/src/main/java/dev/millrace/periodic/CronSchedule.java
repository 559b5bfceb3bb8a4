package dev.millrace.periodic;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import org.jspecify.annotations.Nullable;

/**
 * A cron expression in a zone: which moments the times on the wall are, also where clocks change. Immutable.
 *
 * @param fields the times on the wall
 * @param zone whose wall
 */
record CronSchedule(CronFields fields, ZoneId zone) implements Schedule {

    private static final Instant EARLIEST = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant LATEST = Instant.parse("9999-12-30T00:00:00Z");

    @Override
    public @Nullable Instant next(Instant after) {
        if (!after.isBefore(LATEST)) {
            return null;
        }
        Instant from = after.isBefore(EARLIEST) ? EARLIEST : after.truncatedTo(ChronoUnit.SECONDS);
        ZoneRules rules = zone.getRules();
        return fields.everyHour() ? nextShown(rules, from) : nextOfDay(rules, from);
    }

    /** The clock on the wall runs evenly from one change to the next, so each such stretch is searched by itself. */
    private @Nullable Instant nextShown(ZoneRules rules, Instant after) {
        ZoneOffset offset = rules.getOffset(after);
        LocalDateTime from = LocalDateTime.ofInstant(after, offset).plusSeconds(1);
        ZoneOffsetTransition change = rules.nextTransition(after);
        while (true) {
            LocalDateTime shown = fields.firstFrom(from);
            if (change == null || (shown != null && shown.isBefore(change.getDateTimeBefore()))) {
                return shown == null ? null : shown.toInstant(offset);
            }
            if (shown == null) {
                return null;
            }
            offset = change.getOffsetAfter();
            from = change.getDateTimeAfter();
            change = rules.nextTransition(change.getInstant());
        }
    }

    /** Each time of a day is one moment: {@link #momentOf} never goes backwards, so the first that is later is the next. */
    private @Nullable Instant nextOfDay(ZoneRules rules, Instant after) {
        ZoneOffset offset = rules.getOffset(after);
        LocalDateTime from = LocalDateTime.ofInstant(after, offset).plusSeconds(1);
        ZoneOffsetTransition change = rules.getTransition(from.minusSeconds(1));
        if (change != null && change.isOverlap() && offset.equals(change.getOffsetAfter())) {
            // All that comes twice has been: go on where the overlap ends.
            from = change.getDateTimeBefore();
        }
        while (true) {
            LocalDateTime named = fields.firstFrom(from);
            if (named == null) {
                return null;
            }
            Instant moment = momentOf(rules, named);
            if (moment.isAfter(after)) {
                return moment;
            }
            from = named.plusSeconds(1);
        }
    }

    private static Instant momentOf(ZoneRules rules, LocalDateTime named) {
        ZoneOffsetTransition change = rules.getTransition(named);
        if (change == null) {
            return named.toInstant(rules.getOffset(named));
        }
        return change.isGap() ? change.getInstant() : named.toInstant(change.getOffsetBefore());
    }
}
