package dev.millrace.periodic;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetrySchedule;
import dev.millrace.migrations.SchemaName;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The statements on entries of the table {@code periodic}; mostly calls of the functions that SQL users have. Immutable. */
public final class PeriodicStatements {

    /** What adding came to. */
    public enum Added {
        /** There was none of that name. */
        ADDED,
        /** There was another definition of that name. */
        REPLACED,
        /** It was there as it is. */
        UNCHANGED
    }

    private static final int MAX_ARGS_BYTES = 1 << 20;

    private final SchemaName schema;
    private final String add;
    private final String list;

    public PeriodicStatements(SchemaName schema) {
        this.schema = schema;
        add = """
                SELECT %s.add_periodic(name => ?, schedule => ?, zone => ?, kind => ?, args => ?::jsonb, queue => ?, priority => ?,
                    max_attempts => ?, timeout => ? * interval '1 microsecond', tags => ?, metadata => ?::jsonb, missed => ?, source => ?,
                    retry_policy => ?)
                """.formatted(schema.quoted());
        list = """
                SELECT name, schedule, zone, kind, args, queue, priority, max_attempts, (extract(epoch FROM timeout) * 1000000)::bigint, tags,
                    metadata, missed, source, paused_at IS NULL, last_tick_at,
                    CASE WHEN paused_at IS NULL AND error IS NULL AND isfinite(next_tick_at) THEN next_tick_at END, error,
                    retry_policy
                FROM %s.periodic
                WHERE name = coalesce(?, name)
                ORDER BY name
                """.formatted(schema.quoted());
    }

    /**
     * Adds an entry or replaces its definition. Whether it is enabled, and its last tick, stay as they are.
     *
     * @param inCode whether a program defines it: then it wins over a definition in the database, and not the other way round
     */
    public Added add(Connection connection, PeriodicJob entry, ArgsCodec codec, boolean inCode) throws SQLException {
        NewJob job = entry.job(codec);
        EnqueueOptions options = job.options();
        ScheduleText text = ScheduleText.of(entry.schedule());
        try (PreparedStatement statement = connection.prepareStatement(add)) {
            statement.setString(1, entry.name());
            statement.setString(2, text.text());
            statement.setString(3, text.zone());
            statement.setString(4, job.kind());
            statement.setString(5, new String(job.checkedArgs(MAX_ARGS_BYTES), StandardCharsets.UTF_8));
            statement.setString(6, options.queue());
            statement.setInt(7, options.priority());
            statement.setInt(8, options.maxAttempts());
            Duration timeout = options.timeout();
            if (timeout == null) {
                statement.setNull(9, Types.BIGINT);
            } else {
                statement.setLong(9, timeout.toNanos() / 1_000);
            }
            if (options.tags().isEmpty()) {
                statement.setNull(10, Types.ARRAY);
            } else {
                statement.setArray(
                        10, connection.createArrayOf("text", options.tags().toArray()));
            }
            statement.setString(11, options.metadata());
            statement.setString(12, entry.missed().word());
            statement.setString(13, inCode ? "code" : "database");
            RetrySchedule retryPolicy = options.retryPolicy();
            statement.setString(14, retryPolicy == null ? null : retryPolicy.text());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return switch (row.getString(1)) {
                    case "added" -> Added.ADDED;
                    case "replaced" -> Added.REPLACED;
                    default -> Added.UNCHANGED;
                };
            }
        }
    }

    /** All entries by name, or the one of this name. */
    List<PeriodicEntry> list(Connection connection, @Nullable String name) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(list)) {
            statement.setString(1, name);
            try (ResultSet row = statement.executeQuery()) {
                List<PeriodicEntry> entries = new ArrayList<>();
                while (row.next()) {
                    entries.add(entry(row));
                }
                return entries;
            }
        }
    }

    private static PeriodicEntry entry(ResultSet row) throws SQLException {
        long timeout = row.getLong(9);
        Array tags = row.getArray(10);
        return new PeriodicEntry(
                row.getString(1),
                row.getString(2),
                row.getString(3),
                row.getString(4),
                row.getString(5),
                row.getString(6),
                row.getInt(7),
                row.getInt(8),
                timeout == 0 ? null : Duration.ofNanos(Math.multiplyExact(timeout, 1_000L)),
                tags == null
                        ? List.of()
                        : Arrays.stream((String[]) tags.getArray())
                                .filter(Objects::nonNull)
                                .toList(),
                row.getString(11),
                row.getString(18),
                MissedTicks.of(row.getString(12)),
                row.getString(13).equals("code"),
                row.getBoolean(14),
                instant(row, 15),
                instant(row, 16),
                row.getString(17));
    }

    private static @Nullable Instant instant(ResultSet row, int column) throws SQLException {
        OffsetDateTime moment = row.getObject(column, OffsetDateTime.class);
        return moment == null ? null : moment.toInstant();
    }

    /** Whether there was such an entry. */
    boolean change(Connection connection, String function, String name) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(call(function))) {
            statement.setString(1, name);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    /** Enqueues a job of the entry now; returns its id, nothing if there is no such entry. */
    OptionalLong run(Connection connection, String name) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(call("run_periodic"))) {
            statement.setString(1, name);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                long id = row.getLong(1);
                return row.wasNull() ? OptionalLong.empty() : OptionalLong.of(id);
            }
        }
    }

    Instant now(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT clock_timestamp()");
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getObject(1, OffsetDateTime.class).toInstant();
        }
    }

    private String call(String function) {
        return "SELECT " + schema.quoted() + "." + function + "(?)";
    }
}
