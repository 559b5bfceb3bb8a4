package dev.millrace.worker.dashboard;

import dev.millrace.job.JobState;
import dev.millrace.queue.QueueInfo;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
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

    static List<QueueView> all(Source source) {
        StateCounts counted = source.stateCounts();
        return source.queueList().stream().map(queue -> of(queue, counted)).toList();
    }

    private static QueueView of(QueueInfo queue, StateCounts counted) {
        Duration lag = queue.lag();
        String query = "queue=" + JobSearch.encoded(queue.name());
        return new QueueView(
                queue.name(),
                query,
                Moment.of(queue.pausedAt()),
                queue.slots(),
                counts(query + "&", state -> number(queue, state, counted)),
                lag == null ? "" : Moment.span(lag),
                Numbers.rate(queue.finishedLastMinute()),
                Numbers.rate(queue.failedLastMinute()),
                queue.workers(),
                Numbers.of(queue.busySlots()) + " of " + Numbers.of(queue.workerSlots()),
                queue.workers() == 0 && queue.jobs(JobState.AVAILABLE) > 0);
    }

    private static String number(QueueInfo queue, JobState state, StateCounts counted) {
        long jobs = queue.jobs(state);
        return switch (state) {
            case AVAILABLE -> Numbers.of(jobs, queue.availableCapped());
            case COMPLETED -> completed(jobs, queue.estimated());
            default -> counted.shown(queue.name(), state, jobs);
        };
    }

    /** By state, of all queues together. */
    static List<Count> totals(Source source) {
        List<QueueInfo> queues = source.queueList();
        StateCounts counted = source.stateCounts();
        return counts("", state -> {
            long jobs = queues.stream().mapToLong(queue -> queue.jobs(state)).sum();
            return state == JobState.COMPLETED
                    ? completed(jobs, queues.stream().anyMatch(QueueInfo::estimated))
                    : counted.shown(state, jobs);
        });
    }

    private static String completed(long jobs, boolean estimated) {
        return estimated ? Numbers.estimated(jobs) : Numbers.of(jobs);
    }

    private static List<Count> counts(String query, Function<JobState, String> number) {
        return Arrays.stream(JobState.values())
                .map(state -> new Count(state.sql(), number.apply(state), query + "state=" + state.sql()))
                .toList();
    }
}
