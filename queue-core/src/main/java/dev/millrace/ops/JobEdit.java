package dev.millrace.ops;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetrySchedule;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * What is to change of jobs that wait; the rest stays as it is. Immutable: each method returns a changed copy. The limits are those
 * of {@link EnqueueOptions}, and so are the messages of what is outside them.
 */
public final class JobEdit {

    /** Changes nothing. */
    public static final JobEdit NOTHING = new JobEdit(Map.of(), null, null);

    /** Text of JSON values by column, besides args and a delay. */
    private final Map<String, String> changes;

    private final @Nullable Args args;
    private final @Nullable Duration in;

    /** Arguments as JSON, or as a value that is yet to be written as such. */
    private record Args(
            String kind, @Nullable String json, @Nullable Object value) {

        NewJob encoded(ArgsCodec codec) {
            return new NewJob(
                    kind, json != null ? json : codec.encode(Objects.requireNonNull(value)), EnqueueOptions.DEFAULTS);
        }
    }

    private JobEdit(Map<String, String> changes, @Nullable Args args, @Nullable Duration in) {
        this.changes = changes;
        this.args = args;
        this.in = in;
    }

    private JobEdit with(String column, @Nullable Object value) {
        Map<String, String> copy = new LinkedHashMap<>(changes);
        copy.put(column, JsonMapper.shared().writeValueAsString(value));
        return new JobEdit(copy, args, in);
    }

    /** Other arguments. The caller vouches that the jobs are of this type. */
    public <A> JobEdit args(JobType<A> type, A args) {
        return new JobEdit(changes, new Args(type.kind(), null, Objects.requireNonNull(args, "args")), in);
    }

    /** Other arguments, as the text of one JSON value. */
    public JobEdit args(String json) {
        return new JobEdit(changes, new Args("edit", Objects.requireNonNull(json, "json"), null), in);
    }

    /**
     * Another queue: the job goes to the tail of its lane there.
     *
     * @throws IllegalArgumentException unless the name has 1 to 128 characters
     */
    public JobEdit queue(String queue) {
        return with("queue", EnqueueOptions.requireQueue(queue));
    }

    /**
     * Another priority: the job goes to the tail of its lane there.
     *
     * @throws IllegalArgumentException outside 1 to 4
     */
    public JobEdit priority(int priority) {
        return with("priority", EnqueueOptions.DEFAULTS.priority(priority).priority());
    }

    /**
     * Attempts in all; fewer than were begun become as many as were begun, and the next failure is the last.
     *
     * @throws IllegalArgumentException outside 1 to 32,767
     */
    public JobEdit maxAttempts(int maxAttempts) {
        return with(
                "max_attempts", EnqueueOptions.DEFAULTS.maxAttempts(maxAttempts).maxAttempts());
    }

    /**
     * Due at this moment: an available job becomes scheduled, a scheduled one whose moment has passed becomes available; retryable
     * and pending ones stay that. Replaces {@link #in}.
     *
     * @throws IllegalArgumentException before the year 1 or after the year 9999
     */
    public JobEdit at(Instant at) {
        EnqueueOptions.DEFAULTS.at(at);
        return new JobEdit(with("scheduled_at", at.toString()).changes, args, null);
    }

    /**
     * Due when this time has passed since the edit, by the database's clock; zero means at once. Replaces {@link #at}.
     *
     * @throws IllegalArgumentException if negative or above 36,500 days
     */
    public JobEdit in(Duration delay) {
        EnqueueOptions.DEFAULTS.in(delay);
        Map<String, String> copy = new LinkedHashMap<>(changes);
        copy.remove("scheduled_at");
        return new JobEdit(copy, args, delay);
    }

    /**
     * How long one attempt may run; null for no limit.
     *
     * @throws IllegalArgumentException below 1 ms or above 36,500 days
     */
    public JobEdit timeout(@Nullable Duration timeout) {
        if (timeout == null) {
            return with("timeout", null);
        }
        EnqueueOptions.DEFAULTS.timeout(timeout);
        return with("timeout", timeout.toNanos() / 1_000 + " microseconds");
    }

    /**
     * Other tags instead of those it has; none takes them away.
     *
     * @throws IllegalArgumentException for more than 32 tags, or one that has not 1 to 255 characters
     */
    public JobEdit tags(String... tags) {
        return with(
                "tags",
                tags.length == 0 ? null : EnqueueOptions.DEFAULTS.tags(tags).tags());
    }

    /** Other metadata, the text of a JSON object; null takes it away. */
    public JobEdit metadata(@Nullable String json) {
        Map<String, String> copy = new LinkedHashMap<>(changes);
        copy.put("metadata", json == null ? "null" : json);
        return new JobEdit(copy, args, in);
    }

    /** Wait before the next attempt; null for the policy of its kind. */
    public JobEdit retryPolicy(@Nullable RetrySchedule policy) {
        return with("retry_policy", policy == null ? null : policy.text());
    }

    /** Whether nothing is to change. */
    public boolean isEmpty() {
        return changes.isEmpty() && args == null && in == null;
    }

    /**
     * The changes as the SQL function takes them.
     *
     * @throws dev.millrace.job.ArgsException if the arguments can't be written or are too large
     */
    String json(ArgsCodec codec, int maxArgsBytes) {
        Map<String, String> all = new LinkedHashMap<>(changes);
        if (args != null) {
            all.put("args", new String(args.encoded(codec).checkedArgs(maxArgsBytes), StandardCharsets.UTF_8));
        }
        return all.entrySet().stream()
                .map(change -> '"' + change.getKey() + "\": " + change.getValue())
                .collect(Collectors.joining(", ", "{", "}"));
    }

    /** The delay in microseconds, null where there is none. */
    @Nullable Long delayMicros() {
        return in == null ? null : in.toNanos() / 1_000;
    }
}
