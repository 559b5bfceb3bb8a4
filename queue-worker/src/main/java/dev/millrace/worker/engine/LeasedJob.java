package dev.millrace.worker.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A claimed job.
 *
 * @param id the job
 * @param token its run order: with the id it names the lease
 * @param args the arguments as JSON text
 * @param waited from when it was due until it was claimed, by the database's clock
 * @param retryPolicy that of the job itself; null where that of its kind holds
 */
record LeasedJob(
        long id,
        long token,
        String queue,
        String kind,
        String args,
        int priority,
        int attempt,
        int maxAttempts,
        Instant createdAt,
        Instant scheduledAt,
        List<String> tags,
        @Nullable String metadata,
        @Nullable Duration timeout,
        @Nullable String retryPolicy,
        Duration waited) {}
