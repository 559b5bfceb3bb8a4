package dev.millrace.worker.engine;

import dev.millrace.migrations.SchemaName;
import dev.millrace.periodic.MissedTicks;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The statements that find due periodic jobs and enqueue their ticks. Time is the database's. Any number of workers may run them at
 * once. Immutable.
 */
final class PeriodicTable {

    static final int BATCH = 100;

    private static final String CODE = "code";

    private final String channel;
    private final String look;
    private final String due;
    private final String advance;
    private final String fail;

    /**
     * A periodic job that is to be looked at.
     *
     * @param plannedAfter ticks up to here have been dealt with; it changes with every tick, so it names what was read
     * @param now the database's time when it was read
     * @param error of the last time
     */
    record Entry(
            String name,
            String schedule,
            String zone,
            MissedTicks missed,
            Instant plannedAfter,
            Instant now,
            @Nullable String error) {

        /** Whether only a program knows the schedule. */
        boolean isCustom() {
            return schedule.equals(CODE);
        }
    }

    PeriodicTable(SchemaName schema) {
        channel = schema.value();
        String s = schema.quoted();
        String mine = "paused_at IS NULL AND CASE schedule WHEN 'code' THEN name = ANY (?) ELSE ? END";
        look = """
                SELECT (extract(epoch FROM greatest(next_tick_at, 'epoch') - clock_timestamp()) * 1000)::bigint
                FROM %s.periodic WHERE %s AND next_tick_at < 'infinity' ORDER BY next_tick_at LIMIT 1
                """.formatted(s, mine);
        due = """
                SELECT name, schedule, zone, missed, planned_after, statement_timestamp(), error
                FROM %s.periodic
                WHERE %s AND next_tick_at <= statement_timestamp()
                ORDER BY next_tick_at
                LIMIT ?
                """.formatted(s, mine);
        // All in one statement: what fences the tick, its key, and its job are there together or not at all. The key
        // outlives the
        // entry, for as long as the job's history is kept: one that is removed and added again does not repeat a tick.
        String unchanged =
                "name = ? AND schedule = ? AND zone = ? AND planned_after = ?::timestamptz AND paused_at IS NULL";
        advance = """
                WITH entry AS MATERIALIZED (
                    SELECT name FROM %1$s.periodic WHERE %2$s FOR UPDATE SKIP LOCKED
                ), tick AS MATERIALIZED (
                    SELECT e.name, t.place, t.word, t.word::timestamptz AS moment, nextval('%3$s.job_seq') AS id,
                        %1$s.periodic_key(e.name, t.word::timestamptz) AS key
                    FROM entry AS e, unnest(?::text[]) WITH ORDINALITY AS t (word, place)
                ), advanced AS (
                    UPDATE %1$s.periodic AS p
                    SET planned_after = ?::timestamptz, next_tick_at = ?::timestamptz, error = NULL,
                        last_tick_at = coalesce((SELECT max(moment) FROM tick), p.last_tick_at)
                    FROM entry AS e WHERE p.name = e.name
                    RETURNING p.*
                ), held AS (
                    INSERT INTO %1$s.unique_key (key, job_id) SELECT key, id FROM tick ORDER BY place ON CONFLICT DO NOTHING RETURNING key
                ), added AS (
                    INSERT INTO %1$s.job_available (id, run_order, kind, args, queue, priority, max_attempts, timeout, tags, metadata,
                        retry_policy, scheduled_at, unique_key, unique_states)
                    SELECT t.id, t.id, a.kind, a.args, a.queue, a.priority, a.max_attempts, a.timeout, a.tags,
                        coalesce(a.metadata, '{}') || jsonb_build_object('periodic', a.name, 'tick', t.word),
                        a.retry_policy, least(t.moment, clock_timestamp()), t.key, '{running,completed,cancelled,discarded}'
                    FROM (SELECT * FROM tick WHERE key IN (SELECT key FROM held) ORDER BY place OFFSET 0) AS t, advanced AS a
                    RETURNING queue
                )
                SELECT (SELECT count(*) FROM advanced), count(*), min(pg_notify(?, 'available ' || queue)::text) FROM added
                """.formatted(s, unchanged, s.replace("'", "''"));
        // What another leader has said a moment ago is not said again.
        fail = """
                UPDATE %s.periodic SET error = ?, next_tick_at = clock_timestamp() + interval '5 minutes'
                WHERE %s AND next_tick_at <= statement_timestamp()
                """.formatted(s, unchanged);
    }

    /**
     * Reads the head of one index.
     *
     * @param custom names of those whose schedule this program knows
     * @param others whether to look at all that need no program as well
     * @return milliseconds until the first is to be looked at, negative if it is due; the greatest number if there is none
     */
    long look(Connection connection, String[] custom, boolean others) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(look)) {
            statement.setArray(1, connection.createArrayOf("text", custom));
            statement.setBoolean(2, others);
            try (ResultSet row = statement.executeQuery()) {
                return row.next() ? row.getLong(1) : Long.MAX_VALUE;
            }
        }
    }

    /** Up to {@link #BATCH} that are to be looked at now. */
    List<Entry> due(Connection connection, String[] custom, boolean others) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(due)) {
            statement.setArray(1, connection.createArrayOf("text", custom));
            statement.setBoolean(2, others);
            statement.setInt(3, BATCH);
            try (ResultSet row = statement.executeQuery()) {
                List<Entry> entries = new ArrayList<>();
                while (row.next()) {
                    entries.add(new Entry(
                            row.getString(1),
                            row.getString(2),
                            row.getString(3),
                            MissedTicks.of(row.getString(4)),
                            row.getObject(5, OffsetDateTime.class).toInstant(),
                            row.getObject(6, OffsetDateTime.class).toInstant(),
                            row.getString(7)));
                }
                return entries;
            }
        }
    }

    /**
     * Enqueues the ticks of a plan, once, and takes note of it; wakes the queue.
     *
     * @return false, with nothing changed, if the entry is not as it was read, or somebody is at it
     */
    boolean advance(Connection connection, Entry entry, TickPlan plan) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(advance)) {
            int next = identify(statement, 1, entry);
            statement.setArray(
                    next++,
                    connection.createArrayOf(
                            "text", plan.ticks().stream().map(Instant::toString).toArray()));
            statement.setObject(next++, atUtc(plan.after()));
            Instant following = plan.next();
            statement.setString(next++, following == null ? "infinity" : following.toString());
            statement.setString(next, channel);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getInt(1) == 1;
            }
        }
    }

    /** Says at the entry why it can't be run, and lets it rest for some minutes. */
    boolean fail(Connection connection, Entry entry, String error) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(fail)) {
            statement.setString(1, error);
            identify(statement, 2, entry);
            return statement.executeUpdate() == 1;
        }
    }

    private static int identify(PreparedStatement statement, int first, Entry entry) throws SQLException {
        statement.setString(first, entry.name());
        statement.setString(first + 1, entry.schedule());
        statement.setString(first + 2, entry.zone());
        statement.setObject(first + 3, atUtc(entry.plannedAfter()));
        return first + 4;
    }

    private static OffsetDateTime atUtc(Instant moment) {
        return OffsetDateTime.ofInstant(moment, ZoneOffset.UTC);
    }
}
