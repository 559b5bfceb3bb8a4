package dev.millrace.job;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a job is enqueued. Immutable: each method returns a changed copy, so that
 * {@code millrace.enqueue(TYPE, args, o -> o.priority(1).in(ofMinutes(5)))} reads as it is meant. Every setter checks its value
 * and says the allowed range.
 */
public final class EnqueueOptions {

    /** Queue {@code default}, priority 2, at once, 25 attempts, no timeout, no tags, no metadata. */
    public static final EnqueueOptions DEFAULTS =
            new EnqueueOptions("default", 2, 25, null, null, null, List.of(), null);

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

    private EnqueueOptions(
            String queue,
            int priority,
            int maxAttempts,
            @Nullable Instant at,
            @Nullable Duration in,
            @Nullable Duration timeout,
            List<String> tags,
            @Nullable String metadata) {
        this.queue = queue;
        this.priority = priority;
        this.maxAttempts = maxAttempts;
        this.at = at;
        this.in = in;
        this.timeout = timeout;
        this.tags = tags;
        this.metadata = metadata;
    }

    /**
     * Queue that the job waits in; default {@code default}. Queues need not be created.
     *
     * @throws IllegalArgumentException unless the name has 1 to 128 characters
     */
    public EnqueueOptions queue(String queue) {
        return new EnqueueOptions(requireQueue(queue), priority, maxAttempts, at, in, timeout, tags, metadata);
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
        return new EnqueueOptions(queue, priority, maxAttempts, at, in, timeout, tags, metadata);
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
        return new EnqueueOptions(queue, priority, maxAttempts, at, in, timeout, tags, metadata);
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
        return new EnqueueOptions(queue, priority, maxAttempts, at, null, timeout, tags, metadata);
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
        return new EnqueueOptions(
                queue, priority, maxAttempts, null, delay.isZero() ? null : delay, timeout, tags, metadata);
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
        return new EnqueueOptions(queue, priority, maxAttempts, at, in, timeout, tags, metadata);
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
        return new EnqueueOptions(queue, priority, maxAttempts, at, in, timeout, List.of(tags), metadata);
    }

    /**
     * A JSON object that travels with the job, unseen by the handler's arguments; default none.
     *
     * @param json the text of a JSON object; the database refuses anything else
     */
    public EnqueueOptions metadata(String json) {
        return new EnqueueOptions(
                queue, priority, maxAttempts, at, in, timeout, tags, Objects.requireNonNull(json, "metadata"));
    }

    /**
     * The rule for queue names, for whoever takes one as text.
     *
     * @throws IllegalArgumentException unless it has 1 to 128 characters and no NUL
     */
    public static String requireQueue(String queue) {
        return JobType.requireName("Queue", queue, 128);
    }

    public String queue() {
        return queue;
    }

    public int priority() {
        return priority;
    }

    public int maxAttempts() {
        return maxAttempts;
    }

    public @Nullable Instant at() {
        return at;
    }

    public @Nullable Duration in() {
        return in;
    }

    public @Nullable Duration timeout() {
        return timeout;
    }

    public List<String> tags() {
        return tags;
    }

    public @Nullable String metadata() {
        return metadata;
    }

    /** Whether the job is to wait for a moment. */
    public boolean isDeferred() {
        return at != null || in != null;
    }
}
