package dev.millrace.ops;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One failed attempt, as it is kept with its job: the newest 25 of each. Fields are null where the record does not say, as
 * records that other programs wrote may not.
 *
 * @param attempt number of the attempt, from 1
 * @param at when it failed, by the worker's clock
 * @param worker where it ran
 * @param type class of the exception, or a word of Millrace such as {@code lost_worker}
 * @param message at most 2,000 characters
 * @param trace stack trace, at most 8,000 characters
 */
public record AttemptFailure(
        @Nullable Integer attempt,
        @Nullable Instant at,
        @Nullable String worker,
        @Nullable String type,
        @Nullable String message,
        @Nullable String trace) {}
