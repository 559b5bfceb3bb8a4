package dev.millrace.worker.dashboard;

import dev.millrace.job.JobState;
import dev.millrace.queue.QueueInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A queue as pages show it.
 *
 * @param query of the address that lists its jobs
 * @param waited how long its first job has waited
 * @param work slots that have a job, and all slots
 */
record QueueView(
        String name,
        String query,
        @Nullable Moment pausedAt,
        @Nullable Integer slots,
        List<Count> counts,
        String waited,
        String completed,
        String failed,
        long workers,
        String work,
        boolean unattended) {

    /**
     * How many jobs are in a state.
     *
     * @param query of the address that lists them
     */
    record Count(String state, String number, String query) {}

    static QueueView of(QueueInfo queue) {
        Duration lag = queue.lag();
        String query = "queue=" + JobSearch.encoded(queue.name());
        return new QueueView(
                queue.name(),
                query,
                Moment.of(queue.pausedAt()),
                queue.slots(),
                counts(List.of(queue), query + "&"),
                lag == null ? "" : Moment.span(lag),
                Numbers.rate(queue.finishedLastMinute()),
                Numbers.rate(queue.failedLastMinute()),
                queue.workers(),
                Numbers.of(queue.busySlots()) + " of " + Numbers.of(queue.workerSlots()),
                queue.workers() == 0 && queue.jobs(JobState.AVAILABLE) > 0);
    }

    /** By state, of all these queues together. */
    static List<Count> counts(List<QueueInfo> queues, String query) {
        List<Count> counts = new ArrayList<>();
        for (JobState state : JobState.values()) {
            long jobs = queues.stream().mapToLong(queue -> queue.jobs(state)).sum();
            Stream<QueueInfo> all = queues.stream();
            String number = state == JobState.AVAILABLE
                    ? Numbers.of(jobs, all.anyMatch(QueueInfo::availableCapped), false)
                    : Numbers.of(jobs, false, all.anyMatch(QueueInfo::estimated));
            counts.add(new Count(state.sql(), number, query + "state=" + state.sql()));
        }
        return counts;
    }
}
