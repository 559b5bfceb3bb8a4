package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobState;
import dev.millrace.job.NewJob;
import dev.millrace.job.Unique;
import dev.millrace.migrations.SchemaName;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Enqueues unique jobs by the SQL function that every producer uses. Immutable. */
final class UniqueInserts {

    private final String enqueue;
    private final int maxArgsBytes;
    private final JacksonArgsCodec json = new JacksonArgsCodec();

    UniqueInserts(SchemaName schema, int maxArgsBytes) {
        this.maxArgsBytes = maxArgsBytes;
        // Keys are taken in their own order: transactions that want the same ones wait for each other, and do not
        // deadlock.
        this.enqueue = """
                WITH offered AS MATERIALIZED (
                    SELECT o.n, j ->> 'kind' AS kind, (j ->> 'args')::jsonb AS args, j ->> 'queue' AS queue,
                        (j ->> 'priority')::integer AS priority, (j ->> 'max_attempts')::integer AS max_attempts,
                        coalesce((j ->> 'at')::timestamptz, clock_timestamp() + (j ->> 'in')::bigint * interval '1 microsecond') AS due,
                        (j ->> 'timeout')::bigint * interval '1 microsecond' AS timeout,
                        CASE WHEN j -> 'tags' IS NOT NULL THEN ARRAY (SELECT jsonb_array_elements_text(j -> 'tags')) END AS tags,
                        (j ->> 'metadata')::jsonb AS metadata, j ->> 'retry_policy' AS retry_policy,
                        ARRAY (SELECT jsonb_array_elements_text(j -> 'by')) AS by, j ->> 'word' AS word,
                        (j ->> 'period')::bigint * interval '1 microsecond' AS period,
                        ARRAY (SELECT jsonb_array_elements_text(j -> 'states')) AS states, j ->> 'on_conflict' AS on_conflict,
                        ARRAY (SELECT jsonb_array_elements_text(j -> 'replace')) AS replace, (j ->> 'id')::bigint AS id
                    FROM jsonb_array_elements(?::jsonb) WITH ORDINALITY AS o (j, n)
                ), ordered AS MATERIALIZED (
                    SELECT * FROM offered
                    ORDER BY %1$s.unique_key_of(by, kind, queue, args, word, period, coalesce(due, clock_timestamp())), n
                )
                SELECT o.n, e.id, e.outcome
                FROM ordered AS o
                CROSS JOIN LATERAL %1$s.enqueue(o.kind, o.args, o.queue, o.priority, o.max_attempts, o.due, o.timeout, o.tags,
                    o.metadata, o.retry_policy, o.by, o.word, o.period, o.states, o.on_conflict, o.replace, ?, o.id) AS e
                """.formatted(schema.quoted());
    }

    /**
     * Offers jobs in one statement; those after the first of a key find it taken. What became of each, in their order.
     *
     * @param ids one for each job, or null for each to take a fresh one
     * @param notify whether workers are woken when the transaction commits
     */
    List<Enqueued> offer(Connection connection, List<NewJob> jobs, @Nullable List<Long> ids, boolean notify)
            throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>(jobs.size());
        for (int i = 0; i < jobs.size(); i++) {
            Map<String, Object> row = row(jobs.get(i));
            if (ids != null) {
                row.put("id", ids.get(i));
            }
            rows.add(row);
        }
        try (PreparedStatement statement = connection.prepareStatement(enqueue)) {
            statement.setString(1, json.encode(rows));
            statement.setBoolean(2, notify);
            Enqueued[] outcomes = new Enqueued[jobs.size()];
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    outcomes[row.getInt(1) - 1] = new Enqueued(
                            row.getLong(2),
                            Enqueued.Outcome.valueOf(row.getString(3).toUpperCase(Locale.ROOT)));
                }
            }
            return List.of(outcomes);
        }
    }

    private Map<String, Object> row(NewJob job) {
        EnqueueOptions options = job.options();
        Unique unique = Objects.requireNonNull(options.unique(), "unique");
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("kind", job.kind());
        row.put("args", new String(job.checkedArgs(maxArgsBytes), StandardCharsets.UTF_8));
        row.put("queue", options.queue());
        row.put("priority", options.priority());
        row.put("max_attempts", options.maxAttempts());
        putIfGiven(row, "at", options.at());
        putIfGiven(row, "in", options.in() == null ? null : options.in().toNanos() / 1_000);
        putIfGiven(
                row,
                "timeout",
                options.timeout() == null ? null : options.timeout().toNanos() / 1_000);
        putIfGiven(row, "tags", options.tags().isEmpty() ? null : options.tags());
        putIfGiven(row, "metadata", options.metadata());
        putIfGiven(
                row,
                "retry_policy",
                options.retryPolicy() == null ? null : options.retryPolicy().text());
        row.put("by", unique.by());
        putIfGiven(row, "word", unique.word());
        putIfGiven(
                row, "period", unique.period() == null ? null : unique.period().toNanos() / 1_000);
        row.put("states", unique.states().stream().map(JobState::sql).toList());
        row.put("on_conflict", lowerCase(unique.onConflict()));
        row.put("replace", unique.parts().stream().map(UniqueInserts::lowerCase).toList());
        return row;
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static void putIfGiven(Map<String, Object> row, String name, @Nullable Object value) {
        if (value != null) {
            row.put(name, value instanceof java.time.Instant moment ? moment.toString() : value);
        }
    }
}
