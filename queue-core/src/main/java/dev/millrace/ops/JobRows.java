package dev.millrace.ops;

import dev.millrace.job.JobState;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads rows of jobs. Other programs write them too, so nothing is taken for granted that no constraint ensures. */
final class JobRows {

    /**
     * Args are shown by their length as text, which bounds a list. Their size as stored, which compression makes less of, is asked for
     * first, so that the largest need not be unpacked for that.
     */
    static final String SUMMARY = """
            id, state, kind, queue, priority, attempt, max_attempts, created_at, scheduled_at, attempted_at, attempted_by,
            finalized_at, tags,
            CASE WHEN pg_column_size(args) <= 8192 THEN CASE WHEN octet_length(args::text) <= 8192 THEN args::text END END
                AS short_args,
            left(concat_ws(': ', errors -> -1 ->> 'type', errors -> -1 ->> 'message'), 300) AS last_error""";

    static final String DETAILS = SUMMARY + """
            , args::text AS args, metadata::text AS metadata, output::text AS output,
            (extract(epoch FROM timeout) * 1000000)::bigint AS timeout_micros, retry_policy, run_order, cancel_requested_at,
            encode(unique_key, 'hex') AS unique_key, unique_states, errors::text AS errors""";

    private JobRows() {}

    static JobSummary summary(ResultSet row) throws SQLException {
        String lastError = row.getString("last_error");
        return new JobSummary(
                row.getLong("id"),
                JobState.ofSql(row.getString("state")),
                row.getString("kind"),
                row.getString("queue"),
                row.getInt("priority"),
                row.getInt("attempt"),
                row.getInt("max_attempts"),
                Objects.requireNonNull(instant(row, "created_at")),
                Objects.requireNonNull(instant(row, "scheduled_at")),
                instant(row, "attempted_at"),
                row.getString("attempted_by"),
                instant(row, "finalized_at"),
                texts(row, "tags"),
                row.getString("short_args"),
                lastError == null || lastError.isEmpty() ? null : lastError);
    }

    static JobDetails details(ResultSet row) throws SQLException {
        long timeout = row.getLong("timeout_micros");
        boolean unlimited = row.wasNull();
        return new JobDetails(
                summary(row),
                row.getString("args"),
                row.getString("metadata"),
                row.getString("output"),
                unlimited ? null : Duration.ofSeconds(timeout / 1_000_000, timeout % 1_000_000 * 1_000),
                row.getString("retry_policy"),
                row.getLong("run_order"),
                instant(row, "cancel_requested_at"),
                row.getString("unique_key"),
                texts(row, "unique_states"),
                failures(row.getString("errors")));
    }

    static List<AttemptFailure> failures(@Nullable String errors) {
        if (errors == null) {
            return List.of();
        }
        try {
            List<AttemptFailure> failures = new ArrayList<>();
            for (JsonNode error : JsonMapper.shared().readTree(errors)) {
                failures.add(new AttemptFailure(
                        error.path("attempt").canConvertToInt()
                                ? (Integer) error.path("attempt").intValue()
                                : null,
                        moment(text(error, "at")),
                        text(error, "worker"),
                        text(error, "type"),
                        // What is no object was written by others, and is shown as it is.
                        error.isObject() ? text(error, "message") : error.toString(),
                        text(error, "trace")));
            }
            return List.copyOf(failures);
        } catch (JacksonException beyondItsLimits) {
            return List.of(new AttemptFailure(null, null, null, null, errors, null));
        }
    }

    private static @Nullable String text(JsonNode error, String field) {
        JsonNode value = error.path(field);
        return value.isMissingNode() || value.isNull() ? null : value.isString() ? value.asString() : value.toString();
    }

    private static @Nullable Instant moment(@Nullable String text) {
        try {
            return text == null ? null : OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException notWrittenByUs) {
            return null;
        }
    }

    private static List<String> texts(ResultSet row, String column) throws SQLException {
        Array array = row.getArray(column);
        return array == null
                ? List.of()
                : Arrays.stream((String[]) array.getArray())
                        .filter(Objects::nonNull)
                        .toList();
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        OffsetDateTime moment = row.getObject(column, OffsetDateTime.class);
        return moment == null ? null : moment.toInstant();
    }
}
