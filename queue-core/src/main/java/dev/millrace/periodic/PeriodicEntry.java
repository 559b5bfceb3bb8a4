package dev.millrace.periodic;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A periodic job as the database has it.
 *
 * @param name unique
 * @param schedule {@code cron …}, {@code every …}, or {@code code} for a schedule that only a program knows
 * @param zone of a cron expression
 * @param kind of its jobs
 * @param args their arguments as JSON
 * @param queue they wait in
 * @param priority 1 to 4
 * @param maxAttempts of each
 * @param timeout of an attempt, null for none
 * @param tags may be empty
 * @param metadata a JSON object that each gets besides its tick; null for none
 * @param retryPolicy as the table has it, such as {@code fixed 10s}; null for that of the kind
 * @param missed what becomes of missed ticks
 * @param inCode whether a program defines it at each start of a worker
 * @param enabled whether it runs
 * @param lastTick the newest tick that was enqueued; null if there was none
 * @param nextTick the tick that comes next; null if disabled, if there is none, or if no worker has looked at it yet
 * @param error why no worker can run it; null if all is well
 */
public record PeriodicEntry(
        String name,
        String schedule,
        String zone,
        String kind,
        String args,
        String queue,
        int priority,
        int maxAttempts,
        @Nullable Duration timeout,
        List<String> tags,
        @Nullable String metadata,
        @Nullable String retryPolicy,
        MissedTicks missed,
        boolean inCode,
        boolean enabled,
        @Nullable Instant lastTick,
        @Nullable Instant nextTick,
        @Nullable String error) {}
