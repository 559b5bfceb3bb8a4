package dev.millrace.ops;

import dev.millrace.job.JobState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The conditions of one statement with their values, in the order in which they are bound. Not thread-safe. */
final class Where {

    private static final String FINAL = "state IN ('completed', 'cancelled', 'discarded')";

    private final List<String> conditions = new ArrayList<>();
    private final List<Object> values = new ArrayList<>();

    static Where of(JobFilter filter) {
        JobFilter.Conditions asked = filter.conditions();
        Where where = new Where();
        if (!asked.states.isEmpty()) {
            // Literals: they prune partitions whatever the plan.
            where.and(asked.states.stream()
                    .map(JobState::sql)
                    .sorted()
                    .collect(Collectors.joining("', '", "state IN ('", "')")));
        }
        where.andAny("kind = ANY (?)", asked.kinds);
        where.andAny("queue = ANY (?)", asked.queues);
        where.andAny("tags && ?", asked.anyTag);
        where.andAny("tags @> ?", asked.allTags);
        where.andIf("id >= ?", asked.idFrom);
        where.andIf("id <= ?", asked.idTo);
        where.andSpan("created_at", asked.created);
        where.andSpan("scheduled_at", asked.scheduled);
        where.andSpan("finalized_at", asked.finalized);
        if (!asked.finalized.equals(JobFilter.Span.ALWAYS)) {
            // So that what has not ended is not walked over.
            where.and(FINAL);
        }
        where.andIf("args @> ?::jsonb", asked.args);
        where.andIf("attempted_by = ?", asked.worker);
        where.andIf(
                "strpos(lower(concat(errors -> -1 ->> 'type', ': ', errors -> -1 ->> 'message')), lower(?)) > 0",
                asked.error);
        return where;
    }

    Where and(String condition, Object... itsValues) {
        conditions.add(condition);
        values.addAll(List.of(itsValues));
        return this;
    }

    private void andAny(String condition, List<String> words) {
        if (!words.isEmpty()) {
            and(condition, words);
        }
    }

    private void andIf(String condition, @Nullable Object value) {
        if (value != null) {
            and(condition, value);
        }
    }

    private void andSpan(String column, JobFilter.Span span) {
        andIf(column + " >= ?", span.from());
        andIf(column + " < ?", span.before());
    }

    /** The whole clause, which may be empty. */
    String sql() {
        return conditions.isEmpty() ? "" : " WHERE " + String.join(" AND ", conditions);
    }

    /** The statement with the values bound; more can follow from the index that {@link #next} tells. */
    PreparedStatement prepare(Connection connection, String sql) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        try {
            for (int i = 0; i < values.size(); i++) {
                bind(connection, statement, i + 1, values.get(i));
            }
            return statement;
        } catch (SQLException | RuntimeException failure) {
            statement.close();
            throw failure;
        }
    }

    /** Index of the first parameter after the values. */
    int next() {
        return values.size() + 1;
    }

    private static void bind(Connection connection, PreparedStatement statement, int index, Object value)
            throws SQLException {
        if (value instanceof List<?> words) {
            statement.setArray(index, connection.createArrayOf("text", words.toArray()));
        } else if (value instanceof Instant moment) {
            statement.setObject(index, OffsetDateTime.ofInstant(moment, ZoneOffset.UTC));
        } else {
            // Text, a long, an array of longs, or a moment of the driver's type.
            statement.setObject(index, value);
        }
    }
}
