package dev.millrace.ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that is known of one job. Immutable.
 *
 * @param job what lists show of it
 * @param args JSON, whatever its size
 * @param metadata JSON object, or null
 * @param output JSON that its handler left, or null
 * @param timeout how long one attempt may run; null for no limit
 * @param retryPolicy text of the column {@code retry_policy}; null for the policy of its kind
 * @param runOrder its place in the lane while it is available, the token of its lease while it runs
 * @param cancelRequestedAt when somebody asked for the running job to be cancelled
 * @param uniqueKey what it is unique by, in hexadecimal; null if it is not
 * @param uniqueStates states besides the waiting ones in which it holds its key
 * @param failures failed attempts, oldest first: the newest 25
 */
public record JobDetails(
        JobSummary job,
        String args,
        @Nullable String metadata,
        @Nullable String output,
        @Nullable Duration timeout,
        @Nullable String retryPolicy,
        long runOrder,
        @Nullable Instant cancelRequestedAt,
        @Nullable String uniqueKey,
        List<String> uniqueStates,
        List<AttemptFailure> failures) {}
