package dev.millrace.queue;

import dev.millrace.job.JobState;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A queue as it was at the moment of asking. Immutable.
 *
 * @param name of the queue
 * @param pausedAt since when nothing of it is claimed; null where it is not paused
 * @param slots jobs at once on each worker, where that is set for the queue; null leaves it to the workers
 * @param jobs by state, every state; those available up to a limit, the others estimated where there are many
 * @param availableCapped whether there are more available jobs than {@code jobs} says
 * @param estimated whether the counts of states other than available are estimates
 * @param oldestDueAt when the job that waits for the longest time was due; null where none is available
 * @param lag how long that job has waited, by the database's clock; null where none is available
 * @param workers live workers on the queue
 * @param workerSlots slots of these together
 * @param busySlots slots that have a job now
 * @param finishedLastMinute jobs completed within a minute
 * @param failedLastMinute attempts failed within a minute. What workers tell is as old as their last heartbeat: a quarter of a lease
 *     at most
 */
public record QueueInfo(
        String name,
        @Nullable Instant pausedAt,
        @Nullable Integer slots,
        Map<JobState, Long> jobs,
        boolean availableCapped,
        boolean estimated,
        @Nullable Instant oldestDueAt,
        @Nullable Duration lag,
        long workers,
        long workerSlots,
        long busySlots,
        long finishedLastMinute,
        long failedLastMinute) {

    public QueueInfo {
        jobs = Map.copyOf(jobs);
    }

    /** Whether nothing of it is claimed. */
    public boolean isPaused() {
        return pausedAt != null;
    }

    /** How many jobs of it are in this state. */
    public long jobs(JobState state) {
        return jobs.getOrDefault(state, 0L);
    }
}
