package dev.millrace.job;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What makes a job the only one of its kind: by what it is known, in which states it holds that key, and what happens to another
 * job with the same key. Immutable; each method returns a changed copy: {@code Unique.byArgs().within(ofHours(1))}.
 *
 * <p>A job that is enqueued holds its key while it waits (available, scheduled, retryable, pending). By default it goes on to do so
 * while it runs, and the key is free again when it is completed, cancelled or discarded. A key that was released is not taken
 * again when the job waits for another attempt; an operator's retry of a final job takes it, or is refused.
 *
 * <p>The key is worked out by the database, so that every producer, also one in plain SQL, comes to the same. Arguments are
 * compared as {@code jsonb} writes them: the order of fields does not matter, {@code 1} and {@code 1.0} differ. Whoever finds the
 * key held by a transaction that has not ended waits for it.
 */
public final class Unique {

    /** What another job with the same key does to the waiting one. */
    public enum OnConflict {
        /** Nothing: it is not inserted, and the row of the waiting one is neither locked nor written. */
        SKIP,
        /** Gives it what {@link Unique#replacing} names. */
        REPLACE,
        /** Pushes its time to its own. */
        DEBOUNCE
    }

    /** What {@link Unique#replacing} can name. */
    public enum Part {
        /** Arguments. */
        ARGS,
        /** Priority, from 1 to 4. */
        PRIORITY,
        /** Attempts before it is discarded. */
        MAX_ATTEMPTS,
        /** When it is due. */
        SCHEDULED_AT,
        /** How long one attempt may run. */
        TIMEOUT,
        /** Tags, all of them. */
        TAGS,
        /** Metadata, the whole object. */
        METADATA,
        /** How long it waits between attempts. */
        RETRY_POLICY
    }

    private static final Duration MAX_PERIOD = Duration.ofDays(36_500);

    private final Set<String> by;
    private final @Nullable String word;
    private final @Nullable Duration period;
    private final Set<JobState> states;
    private final OnConflict onConflict;
    private final Set<Part> parts;

    private Unique(
            Set<String> by,
            @Nullable String word,
            @Nullable Duration period,
            Set<JobState> states,
            OnConflict onConflict,
            Set<Part> parts) {
        this.by = by;
        this.word = word;
        this.period = period;
        this.states = states;
        this.onConflict = onConflict;
        this.parts = parts;
    }

    private static Unique by(Set<String> by, @Nullable String word) {
        return new Unique(Set.copyOf(by), word, null, Set.of(JobState.RUNNING), OnConflict.SKIP, Set.of());
    }

    /** By kind alone: one such job at a time, whatever its arguments. */
    public static Unique byKind() {
        return by(Set.of("kind"), null);
    }

    /** By kind and all arguments. */
    public static Unique byArgs() {
        return by(Set.of("kind", "args"), null);
    }

    /**
     * By kind and some fields of the arguments; a field that is missing counts as JSON null.
     *
     * @param fields names, or paths such as {@code customer.id}
     * @throws IllegalArgumentException without fields, or for an empty one
     */
    public static Unique byFields(String... fields) {
        if (fields.length == 0) {
            throw new IllegalArgumentException("Unique by no field: name one, or use byKind()");
        }
        Set<String> by = new TreeSet<>(List.of("kind"));
        for (String field : fields) {
            by.add("args." + JobType.requireName("Field", field, 255));
        }
        return by(by, null);
    }

    /**
     * By kind and a word of the caller's.
     *
     * @throws IllegalArgumentException unless it has 1 to 1,000 characters and no NUL
     */
    public static Unique byWord(String word) {
        return by(Set.of("kind", "word"), JobType.requireName("Word", word, 1_000));
    }

    /** Once in each queue rather than once in all. */
    public Unique perQueue() {
        Set<String> more = new TreeSet<>(by);
        more.add("queue");
        return new Unique(Set.copyOf(more), word, period, states, onConflict, parts);
    }

    /** Whatever the kind: jobs of several kinds exclude each other. */
    public Unique acrossKinds() {
        Set<String> more = new TreeSet<>(by);
        more.remove("kind");
        more.add("any_kind");
        return new Unique(Set.copyOf(more), word, period, states, onConflict, parts);
    }

    /**
     * Once in each window of time, by when the job is due; windows are aligned to 1970-01-01T00:00Z. Usually with {@link
     * #evenWhenFinal}, or a job that is completed makes room for another in the same window.
     *
     * @throws IllegalArgumentException below 1 second or above 36,500 days
     */
    public Unique within(Duration period) {
        if (period.compareTo(Duration.ofSeconds(1)) < 0 || period.compareTo(MAX_PERIOD) > 0) {
            throw new IllegalArgumentException(
                    "Period " + period + " is out of range: 1 s to " + MAX_PERIOD.toDays() + " days");
        }
        return new Unique(by, word, period, states, onConflict, parts);
    }

    /** Only while it waits: once it has begun, another one may be enqueued, and it never holds its key again by itself. */
    public Unique whileWaiting() {
        return new Unique(by, word, period, Set.of(), onConflict, parts);
    }

    /** Until it is taken out of the history, however it ended. */
    public Unique evenWhenFinal() {
        return states(JobState.RUNNING, JobState.COMPLETED, JobState.CANCELLED, JobState.DISCARDED);
    }

    /**
     * The states besides the waiting ones in which the job holds its key.
     *
     * @throws IllegalArgumentException for a waiting state, which is always one, or a final one without running
     */
    public Unique states(JobState... states) {
        Set<JobState> chosen = Set.of(states);
        for (JobState state : chosen) {
            if (state.isWaiting()) {
                throw new IllegalArgumentException(
                        "A job that waits holds its key in any case: leave " + state + " out of the states");
            }
            if (state.isFinal() && !chosen.contains(JobState.RUNNING)) {
                throw new IllegalArgumentException(
                        "A key that is released while the job runs is not held when it is " + state + ": add RUNNING");
            }
        }
        return new Unique(by, word, period, chosen, onConflict, parts);
    }

    /**
     * Gives a waiting job what the new one has of these; one that runs or is final is left as it is, as by {@link
     * OnConflict#SKIP}.
     *
     * @throws IllegalArgumentException if nothing is named
     */
    public Unique replacing(Part... parts) {
        if (parts.length == 0) {
            throw new IllegalArgumentException("Nothing to replace: name at least one part");
        }
        return new Unique(by, word, period, states, OnConflict.REPLACE, Set.of(parts));
    }

    /** Pushes the time of a waiting job to that of the new one, so that it runs once things have been quiet for the delay. */
    public Unique debounced() {
        return new Unique(by, word, period, states, OnConflict.DEBOUNCE, Set.of());
    }

    /** Words for {@code unique_by} of the SQL function {@code enqueue}. */
    public Set<String> by() {
        return by;
    }

    /** What {@link #byWord} was given; null for none. */
    public @Nullable String word() {
        return word;
    }

    /** What {@link #within} was given; null for none. */
    public @Nullable Duration period() {
        return period;
    }

    /** States besides the waiting ones in which the job holds its key. */
    public Set<JobState> states() {
        return states;
    }

    /** What happens while another job holds the key. */
    public OnConflict onConflict() {
        return onConflict;
    }

    /** What the waiting job is given by {@link OnConflict#REPLACE}. */
    public Set<Part> parts() {
        return parts;
    }
}
