package dev.millrace.job;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a job is enqueued. Immutable: each method returns a changed copy, so that
 * {@code millrace.enqueue(TYPE, args, o -> o.priority(1).in(ofMinutes(5)))} reads as it is meant. Every setter checks its value
 * and says the allowed range.
 */
public final class EnqueueOptions {

    /** Queue {@code default}, priority 2, at once, 25 attempts, no timeout, no tags, no metadata, not unique. */
    public static final EnqueueOptions DEFAULTS = new EnqueueOptions(new Draft());

    /** The longest delay and timeout: PostgreSQL's dates end, and a longer one is a slip of units. */
    private static final Duration MAX_DELAY = Duration.ofDays(36_500);

    private static final Instant MIN_INSTANT = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant MAX_INSTANT = Instant.parse("9999-12-31T00:00:00Z");

    private final String queue;
    private final int priority;
    private final int maxAttempts;
    private final @Nullable Instant at;
    private final @Nullable Duration in;
    private final @Nullable Duration timeout;
    private final List<String> tags;
    private final @Nullable String metadata;
    private final @Nullable Unique unique;
    private final @Nullable RetrySchedule retryPolicy;

    private EnqueueOptions(Draft draft) {
        this.queue = draft.queue;
        this.priority = draft.priority;
        this.maxAttempts = draft.maxAttempts;
        this.at = draft.at;
        this.in = draft.in;
        this.timeout = draft.timeout;
        this.tags = draft.tags;
        this.metadata = draft.metadata;
        this.unique = draft.unique;
        this.retryPolicy = draft.retryPolicy;
    }

    /** A copy that is still being changed. */
    private static final class Draft {
        private String queue = "default";
        private int priority = 2;
        private int maxAttempts = 25;
        private @Nullable Instant at;
        private @Nullable Duration in;
        private @Nullable Duration timeout;
        private List<String> tags = List.of();
        private @Nullable String metadata;
        private @Nullable Unique unique;
        private @Nullable RetrySchedule retryPolicy;
    }

    private EnqueueOptions with(Consumer<Draft> change) {
        Draft draft = new Draft();
        draft.queue = queue;
        draft.priority = priority;
        draft.maxAttempts = maxAttempts;
        draft.at = at;
        draft.in = in;
        draft.timeout = timeout;
        draft.tags = tags;
        draft.metadata = metadata;
        draft.unique = unique;
        draft.retryPolicy = retryPolicy;
        change.accept(draft);
        return new EnqueueOptions(draft);
    }

    /**
     * Queue that the job waits in; default {@code default}. Queues need not be created.
     *
     * @throws IllegalArgumentException unless the name has 1 to 128 characters
     */
    public EnqueueOptions queue(String queue) {
        String checked = requireQueue(queue);
        return with(draft -> draft.queue = checked);
    }

    /**
     * From 1, first, to 4, last; default 2. Strict within a queue.
     *
     * @throws IllegalArgumentException outside 1 to 4
     */
    public EnqueueOptions priority(int priority) {
        if (priority < 1 || priority > 4) {
            throw new IllegalArgumentException("Priority " + priority + " is out of range: 1 (first) to 4 (last)");
        }
        return with(draft -> draft.priority = priority);
    }

    /**
     * Attempts before the job is discarded, the first one included; default 25, which with the default back-off takes three
     * weeks.
     *
     * @throws IllegalArgumentException outside 1 to 32,767
     */
    public EnqueueOptions maxAttempts(int maxAttempts) {
        if (maxAttempts < 1 || maxAttempts > Short.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "Max attempts " + maxAttempts + " is out of range: 1 to " + Short.MAX_VALUE);
        }
        return with(draft -> draft.maxAttempts = maxAttempts);
    }

    /**
     * Not before this moment, by the database's clock; a moment that has passed means at once. Replaces {@link #in}.
     *
     * @throws IllegalArgumentException before the year 1 or after the year 9999
     */
    public EnqueueOptions at(Instant at) {
        if (at.isBefore(MIN_INSTANT) || at.isAfter(MAX_INSTANT)) {
            throw new IllegalArgumentException(
                    "Scheduled time " + at + " is out of range: " + MIN_INSTANT + " to " + MAX_INSTANT);
        }
        return with(draft -> {
            draft.at = at;
            draft.in = null;
        });
    }

    /**
     * Not before this time has passed since now by the database's clock; zero means at once. Replaces {@link #at}.
     *
     * @throws IllegalArgumentException if negative or above 36,500 days
     */
    public EnqueueOptions in(Duration delay) {
        if (delay.isNegative() || delay.compareTo(MAX_DELAY) > 0) {
            throw new IllegalArgumentException(
                    "Delay " + delay + " is out of range: 0 to " + MAX_DELAY.toDays() + " days");
        }
        return with(draft -> {
            draft.at = null;
            draft.in = delay.isZero() ? null : delay;
        });
    }

    /**
     * How long one attempt may run before its handler is cancelled, then interrupted, and has failed; default: without limit.
     *
     * @throws IllegalArgumentException below 1 ms or above 36,500 days
     */
    public EnqueueOptions timeout(Duration timeout) {
        if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(MAX_DELAY) > 0) {
            throw new IllegalArgumentException(
                    "Timeout " + timeout + " is out of range: 1 ms to " + MAX_DELAY.toDays() + " days");
        }
        return with(draft -> draft.timeout = timeout);
    }

    /**
     * Words to find jobs by; default none.
     *
     * @throws IllegalArgumentException for more than 32 tags, or one that has not 1 to 255 characters
     */
    public EnqueueOptions tags(String... tags) {
        if (tags.length > 32) {
            throw new IllegalArgumentException(tags.length + " tags are too many: up to 32");
        }
        for (String tag : tags) {
            JobType.requireName("Tag", tag, 255);
        }
        List<String> copy = List.of(tags);
        return with(draft -> draft.tags = copy);
    }

    /**
     * A JSON object that travels with the job, unseen by the handler's arguments; default none.
     *
     * @param json the text of a JSON object; the database refuses anything else
     */
    public EnqueueOptions metadata(String json) {
        Objects.requireNonNull(json, "metadata");
        return with(draft -> draft.metadata = json);
    }

    /**
     * Only one such job at a time; default: any number. {@code Millrace.offer} says what became of it.
     *
     * @param unique what such a job is known by, while it holds that, and what happens to another one
     */
    public EnqueueOptions unique(Unique unique) {
        Objects.requireNonNull(unique, "unique");
        return with(draft -> draft.unique = unique);
    }

    /**
     * How long this job waits between its attempts, such as {@code RetryPolicy.fixed(ofSeconds(10))}; default: as its handler
     * says for the kind.
     */
    public EnqueueOptions retryPolicy(RetrySchedule retryPolicy) {
        Objects.requireNonNull(retryPolicy, "retryPolicy");
        return with(draft -> draft.retryPolicy = retryPolicy);
    }

    /**
     * The rule for queue names, for whoever takes one as text.
     *
     * @throws IllegalArgumentException unless it has 1 to 128 characters and no NUL
     */
    public static String requireQueue(String queue) {
        return JobType.requireName("Queue", queue, 128);
    }

    /** Default {@code default}. */
    public String queue() {
        return queue;
    }

    /** From 1, which is first, to 4; default 2. */
    public int priority() {
        return priority;
    }

    /** Attempts before the job is discarded; default 25. */
    public int maxAttempts() {
        return maxAttempts;
    }

    /** Not before this moment; null for at once, or {@link #in()}. */
    public @Nullable Instant at() {
        return at;
    }

    /** Not before this time has passed since the insert; null for at once, or {@link #at()}. */
    public @Nullable Duration in() {
        return in;
    }

    /** How long one attempt may run; null, the default, for no limit. */
    public @Nullable Duration timeout() {
        return timeout;
    }

    /** Words to find the job by; empty by default. */
    public List<String> tags() {
        return tags;
    }

    /** JSON object that travels with the job; null, the default, for none. */
    public @Nullable String metadata() {
        return metadata;
    }

    /** What makes the job the only one; null, the default, for nothing. */
    public @Nullable Unique unique() {
        return unique;
    }

    /** Waits between attempts of this job; null, the default, for those of its kind. */
    public @Nullable RetrySchedule retryPolicy() {
        return retryPolicy;
    }

    /** Whether the job is to wait for a moment. */
    public boolean isDeferred() {
        return at != null || in != null;
    }

    /** Whether nothing but the queue is other than {@link #DEFAULTS}. */
    public boolean isPlain() {
        return priority == DEFAULTS.priority
                && maxAttempts == DEFAULTS.maxAttempts
                && !isDeferred()
                && timeout == null
                && tags.isEmpty()
                && metadata == null
                && unique == null
                && retryPolicy == null;
    }
}
