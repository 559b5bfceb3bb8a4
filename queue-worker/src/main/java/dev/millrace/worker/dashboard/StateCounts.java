package dev.millrace.worker.dashboard;

import dev.millrace.job.JobState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/**
 * Jobs of every state but completed, counted by index: up to {@value #CAP} of each branch below. A branch that has no more is counted
 * whole, so its states are exact; of another, the states are at least as many as were met. Immutable.
 */
final class StateCounts {

    /** What a branch is counted up to; it reads one job more to know whether that is all. */
    static final int CAP = 5_000;

    /** Otherwise the planner reads and sorts all of a phase where it thinks that cheaper, or where its statistics are old. */
    private static final String BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; "
            + "SET LOCAL enable_sort = off; SET LOCAL jit = off";

    private enum Branch {
        AVAILABLE,
        RUNNING,
        DUE,
        PENDING,
        ENDED;

        static Branch of(JobState state) {
            return switch (state) {
                case AVAILABLE -> AVAILABLE;
                case RUNNING -> RUNNING;
                case SCHEDULED, RETRYABLE -> DUE;
                case PENDING -> PENDING;
                case CANCELLED, DISCARDED -> ENDED;
                case COMPLETED -> throw new IllegalArgumentException("Completed jobs are not counted");
            };
        }
    }

    private record Of(String queue, JobState state) {}

    private final Map<Branch, Long> read = new EnumMap<>(Branch.class);
    private final Map<JobState, Long> met = new EnumMap<>(JobState.class);
    private final Map<Of, Long> metOfQueue = new HashMap<>();

    private StateCounts() {}

    /**
     * Counts; the connection is in a transaction, whose further statements will go by indexes too.
     *
     * <p>From the tail of each index, since what was claimed and is not vacuumed yet lies at the head. Only what waits for time is read
     * as it falls due: retries are due soon, and would be hidden behind jobs scheduled for later. Pending jobs have no index of their
     * own, and are looked for where they are not lost among those. Of available jobs the index is enough: {@code list_queues} counts
     * them by queue.
     */
    static StateCounts read(Connection connection, String schema) throws SQLException {
        String sql = """
                WITH due AS MATERIALIZED (
                    SELECT queue, state, count(*) AS jobs
                    FROM (SELECT queue, state FROM %1$s.job_deferred WHERE state IN ('scheduled', 'retryable')
                        ORDER BY scheduled_at LIMIT %2$s + 1) AS met
                    GROUP BY queue, state
                )
                SELECT 'AVAILABLE', '', 'available', count(*)
                FROM (SELECT FROM %1$s.job_available ORDER BY id DESC LIMIT %2$s + 1) AS met
                UNION ALL
                SELECT 'RUNNING', queue, 'running', count(*)
                FROM (SELECT queue FROM %1$s.job_running ORDER BY id DESC LIMIT %2$s + 1) AS met
                GROUP BY queue
                UNION ALL
                SELECT 'DUE', queue, state, jobs FROM due
                UNION ALL
                SELECT 'PENDING', queue, state, count(*)
                FROM (SELECT queue, state FROM %1$s.job_deferred WHERE (SELECT coalesce(sum(jobs), 0) FROM due) <= %2$s
                    ORDER BY id DESC LIMIT %2$s + 1) AS met
                GROUP BY queue, state
                UNION ALL
                SELECT 'ENDED', queue, state, count(*)
                FROM (SELECT queue, state FROM %1$s.job_finalized WHERE state IN ('cancelled', 'discarded')
                    ORDER BY id DESC LIMIT %2$s + 1) AS met
                GROUP BY queue, state""".formatted(schema, CAP);
        try (Statement settings = connection.createStatement()) {
            settings.execute(BY_INDEX);
        }
        StateCounts counts = new StateCounts();
        try (PreparedStatement statement = connection.prepareStatement(sql);
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                counts.add(
                        Branch.valueOf(row.getString(1)),
                        row.getString(2),
                        JobState.ofSql(row.getString(3)),
                        row.getLong(4));
            }
        }
        return counts;
    }

    private void add(Branch branch, String queue, JobState state, long jobs) {
        read.merge(branch, jobs, Long::sum);
        // To find the pending ones, those that share their table are read once more.
        if (branch == Branch.of(state)) {
            met.merge(state, jobs, Long::sum);
            metOfQueue.put(new Of(queue, state), jobs);
        }
    }

    /**
     * How many jobs are in a state, for people.
     *
     * @param estimate what a sample says, for where neither a whole count nor the cap does
     */
    String shown(JobState state, long estimate) {
        long jobs = met.getOrDefault(state, 0L);
        return jobs > CAP ? Numbers.of(CAP, true) : shown(jobs, isWhole(state), estimate);
    }

    /** As {@link #shown(JobState, long)}, of one queue; an estimate says more of a large queue than what was met of it. */
    String shown(String queue, JobState state, long estimate) {
        return shown(metOfQueue.getOrDefault(new Of(queue, state), 0L), isWhole(state), estimate);
    }

    private boolean isWhole(JobState state) {
        return isWhole(Branch.of(state)) && (state != JobState.PENDING || isWhole(Branch.DUE));
    }

    private boolean isWhole(Branch branch) {
        return read.getOrDefault(branch, 0L) <= CAP;
    }

    private static String shown(long jobs, boolean whole, long estimate) {
        return whole || jobs >= Math.max(1, estimate) ? Numbers.of(jobs, !whole) : Numbers.estimated(estimate);
    }
}
