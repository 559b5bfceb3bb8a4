package dev.millrace.ops;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobState;
import dev.millrace.job.JobType;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which jobs are meant: those that meet every condition given. Immutable: each method returns a changed copy, and a condition
 * given again replaces the one before.
 *
 * <p>What is read: states and the time of the end choose the partitions; within them jobs are walked by id. So a page of a filter
 * that many jobs meet costs what the page holds; a filter that few meet walks over the others, up to the whole of the partitions
 * chosen, and ends at the statement limit (5 s by default) with a {@link JobsException}. Narrow it then by state, by id, or by
 * the time of the end. There is no index on kind, queue, tags or args; one that you add to a partition is used.
 */
public final class JobFilter {

    /** Every job. */
    public static final JobFilter ALL = new JobFilter(new Conditions());

    /** Dead letters: the discarded jobs. */
    public static final JobFilter DEAD = ALL.states(JobState.DISCARDED);

    private static final Instant MIN_INSTANT = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant MAX_INSTANT = Instant.parse("9999-12-31T00:00:00Z");

    private final Conditions conditions;

    /** From a moment on, and before another; null for no bound. */
    record Span(@Nullable Instant from, @Nullable Instant before) {

        static final Span ALWAYS = new Span(null, null);

        Span from(Instant moment) {
            return new Span(required(moment), before);
        }

        Span before(Instant moment) {
            return new Span(from, required(moment));
        }

        private static Instant required(Instant moment) {
            if (moment.isBefore(MIN_INSTANT) || moment.isAfter(MAX_INSTANT)) {
                throw new IllegalArgumentException(
                        "Moment " + moment + " is out of range: " + MIN_INSTANT + " to " + MAX_INSTANT);
            }
            return moment;
        }
    }

    /** What is asked of a job; changed only before a filter has it. */
    static final class Conditions implements Cloneable {
        Set<JobState> states = Set.of();
        List<String> kinds = List.of();
        List<String> queues = List.of();
        List<String> anyTag = List.of();
        List<String> allTags = List.of();

        @Nullable Long idFrom;

        @Nullable Long idTo;

        Span created = Span.ALWAYS;
        Span scheduled = Span.ALWAYS;
        Span finalized = Span.ALWAYS;

        @Nullable String args;

        @Nullable String worker;

        @Nullable String error;

        @Override
        public Conditions clone() {
            try {
                return (Conditions) super.clone();
            } catch (CloneNotSupportedException impossible) {
                throw new AssertionError(impossible);
            }
        }
    }

    private JobFilter(Conditions conditions) {
        this.conditions = conditions;
    }

    private JobFilter with(Consumer<Conditions> change) {
        Conditions copy = conditions.clone();
        change.accept(copy);
        return new JobFilter(copy);
    }

    /** In one of these states; none given means in any. */
    public JobFilter states(JobState... states) {
        return with(c -> c.states = Set.copyOf(Arrays.asList(states)));
    }

    /**
     * Of one of these kinds; none given means of any.
     *
     * @throws IllegalArgumentException unless each has 1 to 128 characters
     */
    public JobFilter kinds(String... kinds) {
        Arrays.stream(kinds).forEach(JobType::requireKind);
        return with(c -> c.kinds = distinct(kinds));
    }

    /**
     * In one of these queues; none given means in any.
     *
     * @throws IllegalArgumentException unless each has 1 to 128 characters
     */
    public JobFilter queues(String... queues) {
        Arrays.stream(queues).forEach(EnqueueOptions::requireQueue);
        return with(c -> c.queues = distinct(queues));
    }

    /** With at least one of these tags; none given means whatever tags. */
    public JobFilter anyTag(String... tags) {
        return with(c -> c.anyTag = distinct(tags));
    }

    /** With all of these tags. */
    public JobFilter allTags(String... tags) {
        return with(c -> c.allTags = distinct(tags));
    }

    /** With this id or a higher one. */
    public JobFilter idFrom(long id) {
        return with(c -> c.idFrom = id);
    }

    /** With this id or a lower one. */
    public JobFilter idTo(long id) {
        return with(c -> c.idTo = id);
    }

    /** Enqueued at this moment or later. */
    public JobFilter createdFrom(Instant moment) {
        return with(c -> c.created = c.created.from(moment));
    }

    /** Enqueued before this moment. */
    public JobFilter createdBefore(Instant moment) {
        return with(c -> c.created = c.created.before(moment));
    }

    /** Due at this moment or later. */
    public JobFilter scheduledFrom(Instant moment) {
        return with(c -> c.scheduled = c.scheduled.from(moment));
    }

    /** Due before this moment. */
    public JobFilter scheduledBefore(Instant moment) {
        return with(c -> c.scheduled = c.scheduled.before(moment));
    }

    /** Ended at this moment or later; only jobs that have ended match. */
    public JobFilter finalizedFrom(Instant moment) {
        return with(c -> c.finalized = c.finalized.from(moment));
    }

    /** Ended before this moment; only jobs that have ended match. */
    public JobFilter finalizedBefore(Instant moment) {
        return with(c -> c.finalized = c.finalized.before(moment));
    }

    /**
     * Whose arguments contain this JSON, as PostgreSQL's {@code @>} has it: {@code {"to": "a@example.com"}} is in every object with
     * that field, whatever else it holds.
     */
    public JobFilter argsContain(String json) {
        Objects.requireNonNull(json, "json");
        return with(c -> c.args = json);
    }

    /** Whose latest attempt ran or runs on this worker. */
    public JobFilter attemptedBy(String worker) {
        Objects.requireNonNull(worker, "worker");
        return with(c -> c.worker = worker);
    }

    /** Whose latest failed attempt has this text in the type or the message of its error, in whatever case. */
    public JobFilter errorContains(String text) {
        Objects.requireNonNull(text, "text");
        return with(c -> c.error = text);
    }

    Conditions conditions() {
        return conditions;
    }

    private static List<String> distinct(String... words) {
        return List.copyOf(new LinkedHashSet<>(Arrays.asList(words)));
    }
}
