package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetrySchedule;
import dev.millrace.migrations.SchemaName;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;

/** The statements that insert one job. Immutable. */
final class JobInserts {

    /** Uses of a statement on a session; as the driver's default. */
    private static final int PREPARE_AT = 5;

    private final String channel;
    private final String plain;
    private final String now;
    private final String later;
    private final String nowAndNotify;
    private final String laterAndNotify;
    private final int maxArgsBytes;

    /**
     * A job that was inserted.
     *
     * @param word that wakes whom it concerns; null where it is not due for some time
     */
    record Inserted(long id, @Nullable String word) {}

    JobInserts(SchemaName schema, int maxArgsBytes) {
        this.maxArgsBytes = maxArgsBytes;
        this.channel = schema.value();
        String s = schema.quoted();
        String sequence = "nextval('" + s.replace("'", "''") + ".job_seq')";
        // What most jobs are: nothing that the defaults do not say, and nothing to ask back.
        this.plain = "INSERT INTO " + s + ".job_available (id, queue, kind, args) VALUES (?, ?, ?, ?::jsonb)";
        // Straight into the partition, nothing to route, and one row of values, the cheapest form to plan.
        // A reserved id may be old; a run order must be behind every one given before.
        this.now = """
                INSERT INTO %1$s.job_available
                    (id, run_order, queue, kind, args, priority, max_attempts, timeout, tags, metadata, retry_policy)
                VALUES (coalesce(?, %2$s), %2$s, ?, ?, ?::jsonb, ?, ?, ? * interval '1 microsecond', ?, ?::jsonb, ?)
                RETURNING id, 'available ' || queue AS word""".formatted(s, sequence);
        // Whether the moment has passed is for the database's clock to say.
        this.later = """
                INSERT INTO %s.job
                    (id, run_order, queue, kind, args, priority, max_attempts, timeout, tags, metadata, retry_policy, state,
                     scheduled_at)
                SELECT coalesce(?, n), n, ?, ?, ?::jsonb, ?, ?, ? * interval '1 microsecond', ?, ?::jsonb, ?,
                    CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'available' END, due
                FROM %s AS n,
                    (SELECT coalesce(?::timestamptz, clock_timestamp() + ? * interval '1 microsecond') AS due) AS moment
                RETURNING id, CASE WHEN state = 'available' THEN 'available ' || queue
                    WHEN scheduled_at < clock_timestamp() + interval '%s seconds' THEN '%s' END AS word""".formatted(s, sequence, WakeUps.SOON.toSeconds(), WakeUps.DUE);
        this.nowAndNotify = notifying(now);
        this.laterAndNotify = notifying(later);
    }

    /** PostgreSQL folds equal notifications of one transaction into one. */
    private static String notifying(String insert) {
        return "WITH added AS (\n" + insert
                + "\n) SELECT id, word, CASE WHEN word IS NOT NULL THEN pg_notify(?, word) END FROM added";
    }

    /**
     * Inserts the job; with {@code notify}, workers are woken when the transaction commits.
     *
     * @param reserved id to use; null takes a new one
     * @param plansKept whether the session keeps the plan of what is prepared
     */
    Inserted insert(Connection connection, NewJob job, @Nullable Long reserved, boolean notify, boolean plansKept)
            throws SQLException {
        EnqueueOptions options = job.options();
        if (reserved != null && !notify && options.isPlain()) {
            return insertPlain(connection, job, reserved, plansKept);
        }
        boolean deferred = options.isDeferred();
        String args = new String(job.checkedArgs(maxArgsBytes), StandardCharsets.UTF_8);
        String sql = deferred ? notify ? laterAndNotify : later : notify ? nowAndNotify : now;
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            keepPlan(statement, plansKept);
            if (reserved == null) {
                statement.setNull(1, Types.BIGINT);
            } else {
                statement.setLong(1, reserved);
            }
            statement.setString(2, options.queue());
            statement.setString(3, job.kind());
            statement.setString(4, args);
            statement.setShort(5, (short) options.priority());
            statement.setShort(6, (short) options.maxAttempts());
            setMicros(statement, 7, options.timeout());
            if (options.tags().isEmpty()) {
                statement.setNull(8, Types.ARRAY);
            } else {
                statement.setArray(
                        8, connection.createArrayOf("text", options.tags().toArray()));
            }
            statement.setString(9, options.metadata());
            RetrySchedule retryPolicy = options.retryPolicy();
            statement.setString(10, retryPolicy == null ? null : retryPolicy.text());
            int next = 11;
            if (deferred) {
                Instant at = options.at();
                statement.setObject(
                        next++,
                        at == null ? null : OffsetDateTime.ofInstant(at, ZoneOffset.UTC),
                        Types.TIMESTAMP_WITH_TIMEZONE);
                setMicros(statement, next++, options.in());
            }
            if (notify) {
                statement.setString(next, channel);
            }
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return new Inserted(row.getLong(1), row.getString(2));
            }
        }
    }

    private Inserted insertPlain(Connection connection, NewJob job, long id, boolean plansKept) throws SQLException {
        String queue = job.options().queue();
        try (PreparedStatement statement = connection.prepareStatement(plain)) {
            keepPlan(statement, plansKept);
            statement.setLong(1, id);
            statement.setString(2, queue);
            statement.setString(3, job.kind());
            statement.setString(4, new String(job.checkedArgs(maxArgsBytes), StandardCharsets.UTF_8));
            statement.executeUpdate();
            return new Inserted(id, WakeUps.payload(queue));
        }
    }

    private static void keepPlan(PreparedStatement statement, boolean plansKept) throws SQLException {
        if (plansKept) {
            statement.unwrap(PGStatement.class).setPrepareThreshold(PREPARE_AT);
        }
    }

    private static void setMicros(PreparedStatement statement, int index, @Nullable Duration duration)
            throws SQLException {
        if (duration == null) {
            statement.setNull(index, Types.BIGINT);
        } else {
            statement.setLong(index, duration.toNanos() / 1_000);
        }
    }
}
