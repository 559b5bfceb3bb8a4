package dev.millrace.ops;

import dev.millrace.job.JobState;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A job as lists show it. Immutable.
 *
 * @param attempt attempts begun so far, the running one included
 * @param scheduledAt when it is or was due
 * @param attemptedAt when the latest attempt began; null before the first
 * @param attemptedBy worker that holds or held the lease
 * @param finalizedAt when it ended; null before
 * @param args JSON; null if it is longer than 8 KiB: {@link Jobs#get} has it
 * @param lastError type and message of the latest failed attempt, at most 300 characters; null where none has failed
 */
public record JobSummary(
        long id,
        JobState state,
        String kind,
        String queue,
        int priority,
        int attempt,
        int maxAttempts,
        Instant createdAt,
        Instant scheduledAt,
        @Nullable Instant attemptedAt,
        @Nullable String attemptedBy,
        @Nullable Instant finalizedAt,
        List<String> tags,
        @Nullable String args,
        @Nullable String lastError) {}
