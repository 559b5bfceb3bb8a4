package dev.millrace.worker.engine;

import dev.millrace.job.JobTally;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;

/**
 * The statements by which the leader moves jobs. Each is bounded in rows, safe to repeat, and does no harm if two leaders ever run it
 * at once: what one of them moves, the other skips.
 * Immutable.
 */
final class MaintenanceTable {

    static final int BATCH = 1_000;

    private static final String KEPT =
            "id, created_at, priority, queue, kind, args, timeout, tags, metadata, unique_key, unique_states, retry_policy";

    private final SchemaName schema;
    private final String lead;
    private final String look;
    private final String rebase;
    private final String notifyDue;
    private final String promote;
    private final String rescue;
    private final String removeDeadWorkers;

    /**
     * What there is to do.
     *
     * @param term in which this worker leads; 0 where it does not, or that was not asked
     * @param nextDueMillis until the next job is due; negative where one is due already
     * @param deadWorkers whether some lease has run out
     * @param clockSetBack whether some worker's last heartbeat is in the future
     * @param serverMicros what the server's clock shows, since 1970
     */
    record Outlook(long term, long nextDueMillis, boolean deadWorkers, boolean clockSetBack, long serverMicros) {}

    MaintenanceTable(SchemaName schema) {
        this.schema = schema;
        String s = schema.quoted();
        String nextRunOrder = "nextval('" + s.replace("'", "''") + ".job_seq')";
        // Infinite times are possible in SQL, and no arithmetic is possible with them: one such job must not stop it
        // all.
        String outlook = """
                (SELECT (extract(epoch FROM greatest(scheduled_at, 'epoch') - clock_timestamp()) * 1000)::bigint
                    FROM %1$s.job_deferred WHERE state IN ('scheduled', 'retryable') AND scheduled_at < 'infinity'
                    ORDER BY scheduled_at LIMIT 1),
                EXISTS (SELECT FROM %1$s.worker WHERE lease_expires_at < clock_timestamp()),
                EXISTS (SELECT FROM %1$s.worker WHERE heartbeat_at > clock_timestamp() + interval '1 second'),
                (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                """.formatted(s);
        look = "SELECT 0, " + outlook;
        // Renewing the lead and looking is one statement: an idle leader sends little else. Who does not win looks too,
        // to
        // know the server's clock in case it leads next.
        lead = "WITH lead AS (\n" + new LeaderTable(schema).campaign()
                + ")\nSELECT coalesce((SELECT term FROM lead), 0), " + outlook;
        // Nobody can tell how old the heartbeat is: whoever lives beats again within a lease, and whoever is dead ends
        // with it.
        rebase = """
                UPDATE %s.worker
                SET heartbeat_at = clock_timestamp(), lease_expires_at = clock_timestamp() + (lease_expires_at - heartbeat_at)
                WHERE heartbeat_at > clock_timestamp() + interval '1 second'
                """.formatted(s);
        notifyDue = "SELECT pg_notify(?, 'due')";
        promote = """
                WITH due AS MATERIALIZED (
                    SELECT ctid AS address
                    FROM %1$s.job_deferred
                    WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= now()
                    ORDER BY scheduled_at
                    LIMIT ?
                    FOR UPDATE SKIP LOCKED
                ), gone AS (
                    DELETE FROM %1$s.job_deferred WHERE ctid = ANY (ARRAY (SELECT address FROM due)) RETURNING *
                ), promoted AS (
                    INSERT INTO %1$s.job_available (%2$s, run_order, max_attempts, scheduled_at, errors, state, attempt)
                    SELECT %2$s, %3$s, max_attempts, scheduled_at, errors, 'available', attempt
                    FROM (SELECT * FROM gone ORDER BY scheduled_at, id OFFSET 0) AS gone
                    RETURNING queue, kind
                )
                SELECT n, pg_notify(?, 'available ' || queue), queue, kind
                FROM (SELECT queue, kind, count(*) AS n FROM promoted GROUP BY queue, kind) AS woken
                """.formatted(s, KEPT, nextRunOrder);
        // Whoever has no live worker is lost: its worker's lease has run out, or there is no such worker.
        rescue = """
                WITH live AS MATERIALIZED (
                    SELECT id FROM %1$s.worker WHERE lease_expires_at >= statement_timestamp()
                ), lost AS MATERIALIZED (
                    SELECT r.ctid AS address
                    FROM %1$s.job_running AS r
                    WHERE NOT EXISTS (SELECT FROM live WHERE live.id = r.attempted_by)
                    LIMIT ?
                    FOR UPDATE OF r SKIP LOCKED
                ), gone AS (
                    DELETE FROM %1$s.job_running WHERE ctid = ANY (ARRAY (SELECT address FROM lost))
                    RETURNING *,
                        CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                            WHEN attempt >= max_attempts THEN 'discarded'
                            ELSE 'available' END AS next_state,
                        %1$s.append_error(errors, jsonb_build_object(
                            'attempt', attempt, 'at', clock_timestamp(), 'worker', attempted_by, 'type', 'lost_worker',
                            'message', 'The worker stopped renewing its lease')) AS all_errors
                ), freed AS (
                    DELETE FROM %1$s.unique_key AS k USING gone AS g
                    WHERE k.key = g.unique_key AND k.job_id = g.id AND g.next_state <> 'available'
                        AND g.next_state <> ALL (g.unique_states)
                ), rescued AS (
                    INSERT INTO %1$s.job
                        (%2$s, run_order, max_attempts, scheduled_at, errors, state, attempt, attempted_at, attempted_by, finalized_at)
                    SELECT %2$s, CASE next_state WHEN 'available' THEN %3$s ELSE run_order END, max_attempts,
                        least(scheduled_at, clock_timestamp()), all_errors, next_state, attempt, attempted_at, attempted_by,
                        CASE WHEN next_state <> 'available' THEN clock_timestamp() END
                    FROM (SELECT * FROM gone ORDER BY run_order OFFSET 0) AS gone
                    RETURNING queue, kind
                )
                SELECT n, pg_notify(?, 'available ' || queue), queue, kind
                FROM (SELECT queue, kind, count(*) AS n FROM rescued GROUP BY queue, kind) AS woken
                """.formatted(s, KEPT, nextRunOrder);
        removeDeadWorkers = """
                DELETE FROM %1$s.worker AS w
                WHERE w.lease_expires_at < clock_timestamp()
                    AND NOT EXISTS (SELECT FROM %1$s.job_running AS r WHERE r.attempted_by = w.id)
                """.formatted(s);
    }

    /** Reads the head of one index and the handful of workers. */
    Outlook look(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(look);
                ResultSet row = statement.executeQuery()) {
            row.next();
            return outlook(row);
        }
    }

    /** Takes or keeps the lead, and looks; the term is 0 where another worker leads. */
    Outlook lead(Connection connection, String id, Duration length) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(lead)) {
            statement.setLong(1, length.toMillis());
            statement.setString(2, id);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return outlook(row);
            }
        }
    }

    private static Outlook outlook(ResultSet row) throws SQLException {
        long term = row.getLong(1);
        long nextDue = row.getLong(2);
        return new Outlook(
                term, row.wasNull() ? Long.MAX_VALUE : nextDue, row.getBoolean(3), row.getBoolean(4), row.getLong(5));
    }

    /** Gives workers whose heartbeat is in the future one lease from now. */
    int rebase(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(rebase)) {
            return statement.executeUpdate();
        }
    }

    /** Tells the leader that something is due within a moment. */
    Void notifyDue(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(notifyDue)) {
            statement.setString(1, schema.value());
            statement.execute();
            return null;
        }
    }

    /** Makes up to {@link #BATCH} due jobs available, each at the tail of its lane, and wakes their queues. Returns which. */
    JobTally promote(Connection connection) throws SQLException {
        return move(connection, promote);
    }

    /** Makes up to {@link #BATCH} jobs of lost workers available again, or discards them after their last attempt. */
    JobTally rescue(Connection connection) throws SQLException {
        return move(connection, rescue);
    }

    int removeDeadWorkers(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(removeDeadWorkers)) {
            return statement.executeUpdate();
        }
    }

    private JobTally move(Connection connection, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setInt(1, BATCH);
            statement.setString(2, schema.value());
            try (ResultSet rows = statement.executeQuery()) {
                JobTally moved = new JobTally();
                while (rows.next()) {
                    moved.add(rows.getString(3), rows.getString(4), rows.getLong(1));
                }
                return moved;
            }
        }
    }

    /**
     * Whether the server has been up for longer than this: a fresh one has seen no heartbeat yet. One that was started in the
     * future, before its clock was set back, counts as old.
     */
    boolean serverUpFor(Connection connection, Duration least) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT pg_postmaster_start_time()"
                + " NOT BETWEEN clock_timestamp() - ? * interval '1 millisecond' AND clock_timestamp()")) {
            statement.setLong(1, least.toMillis());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }
}
