package dev.millrace.ops;

import dev.millrace.job.JobState;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A walk by id over the phases that a filter chooses, in which nothing is skipped: what it reads is what it counts. Phases are those
 * of the partitions: a filter for retryable jobs walks over the scheduled ones as well. Of days of history it takes those that the
 * time of the end leaves.
 */
record Walk(SchemaName schema, JobFilter filter, JobOrder order, PageRequest.@Nullable Place after) {

    private static final Set<JobState> DEFERRED = EnumSet.of(JobState.SCHEDULED, JobState.RETRYABLE, JobState.PENDING);
    private static final Set<JobState> NOT_COMPLETED = EnumSet.of(JobState.CANCELLED, JobState.DISCARDED);

    /**
     * The id at which this many jobs were walked over; null if there are fewer.
     *
     * @throws SQLException if the database refuses
     */
    @Nullable Long end(Connection connection, int jobs) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql(jobs))) {
            return row.next() ? row.getLong(1) : null;
        }
    }

    /** Each phase is limited by itself: the planner would rather read and sort all of them than merge them by their indexes. */
    String sql(int jobs) {
        String ordered = " ORDER BY id" + (order == JobOrder.NEWEST_FIRST ? " DESC" : "");
        return phases().stream()
                        .map(phase -> "(" + phase + ordered + " LIMIT " + jobs + ")")
                        .collect(Collectors.joining(" UNION ALL ", "SELECT id FROM (", ") AS walked"))
                + ordered + " OFFSET " + (jobs - 1) + " LIMIT 1";
    }

    private List<String> phases() {
        JobFilter.Conditions asked = filter.conditions();
        Set<JobState> states = asked.states.isEmpty() ? EnumSet.allOf(JobState.class) : EnumSet.copyOf(asked.states);
        boolean ended = !asked.finalized.equals(JobFilter.Span.ALWAYS);
        List<String> phases = new ArrayList<>();
        if (!ended && asked.states.isEmpty()) {
            // All of them, which are one table, whose indexes the planner does merge.
            return List.of(phase("job", ""));
        }
        if (!ended && states.contains(JobState.AVAILABLE)) {
            phases.add(phase("job_available", ""));
        }
        if (!ended && states.contains(JobState.RUNNING)) {
            phases.add(phase("job_running", ""));
        }
        if (!ended && states.stream().anyMatch(DEFERRED::contains)) {
            phases.add(phase("job_deferred", ""));
        }
        if (NOT_COMPLETED.containsAll(states)) {
            // Word for word the condition of the index job_finalized_not_completed.
            history(phases, " AND state IN ('cancelled', 'discarded')");
        } else if (ended || states.stream().anyMatch(JobState::isFinal)) {
            history(phases, "");
        }
        if (phases.isEmpty()) {
            // Only what has ended has a time of the end: nothing can match.
            phases.add("SELECT NULL::bigint AS id WHERE false");
        }
        return phases;
    }

    private void history(List<String> phases, String more) {
        String days = days(filter.conditions().finalized);
        phases.add(phase("job_finalized", more + days));
        if (!days.isEmpty()) {
            // What no day covers is read whatever its day: so it counts whatever its day, some of it twice.
            phases.add(phase("job_finalized_default", more));
        }
    }

    /** Numbers and days alone, so they need not be bound. */
    private String phase(String table, String more) {
        JobFilter.Conditions asked = filter.conditions();
        StringBuilder sql =
                new StringBuilder("SELECT id FROM " + schema.quoted() + "." + table + " WHERE true").append(more);
        if (asked.idFrom != null) {
            sql.append(" AND id >= ").append(asked.idFrom);
        }
        if (asked.idTo != null) {
            sql.append(" AND id <= ").append(asked.idTo);
        }
        if (after != null) {
            sql.append(order == JobOrder.NEWEST_FIRST ? " AND id < " : " AND id > ")
                    .append(after.id());
        }
        return sql.toString();
    }

    private static String days(JobFilter.Span ended) {
        // The day after the last one that a filter may name has a year of five digits, which PostgreSQL does not read.
        return (ended.from() == null ? "" : " AND finalized_at >= " + day(ended.from()))
                + (ended.before() == null
                        ? ""
                        : " AND finalized_at < " + day(ended.before()) + " + interval '24 hours'");
    }

    private static String day(Instant moment) {
        return "timestamptz '" + moment.truncatedTo(ChronoUnit.DAYS) + "'";
    }
}
