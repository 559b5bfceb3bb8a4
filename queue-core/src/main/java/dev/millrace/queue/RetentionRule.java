package dev.millrace.queue;

import dev.millrace.job.JobState;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How long jobs that ended are kept. Immutable.
 *
 * @param queue that it is for; null for every queue without a rule of its own for the state
 * @param state completed, cancelled or discarded
 * @param keep at least this long; zero: deleted at the end
 */
public record RetentionRule(@Nullable String queue, JobState state, Duration keep) {}
