package dev.millrace.worker.engine;

import dev.millrace.migrations.SchemaName;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The statements that move jobs between phases on behalf of a worker. Each is one statement: a job is deleted from one
 * partition and inserted into the next, never updated, because a moved row makes concurrent {@code SKIP LOCKED} claims fail.
 * Immutable.
 */
final class JobTable {

    /** The lanes of a queue, one for each priority. */
    static final int LANES = 4;

    /** In which jobs are run. */
    static final Comparator<LeasedJob> IN_ORDER =
            Comparator.comparingInt(LeasedJob::priority).thenComparingLong(LeasedJob::token);

    private static final String KEPT =
            "id, run_order, created_at, priority, max_attempts, queue, kind, args, timeout, tags, metadata, unique_key,"
                    + " unique_states, retry_policy";

    private final Settings settings;
    private final String channel;
    private final String claim;
    private final String claimFromLowest;
    private final String finish;
    private final String complete;
    private final String deleteFinished;
    private final String defer;
    private final String release;
    private final String leasesOf;
    private final String cancelRequests;
    private final String sequencePosition;

    /** With the defaults: all history is kept for a time. */
    JobTable(SchemaName schema) {
        this(schema, new Settings());
    }

    /**
     * The statements on a schema.
     *
     * @param settings say which jobs are deleted when they end
     */
    JobTable(SchemaName schema, Settings settings) {
        this.settings = settings;
        this.channel = schema.value();
        String s = schema.quoted();
        String nextRunOrder = "nextval('" + s.replace("'", "''") + ".job_seq')";
        // The lanes are walked in order and each stops at its limit, so only rows that are returned get locked. The
        // array makes the delete a scan by row address; a join or IN would read the whole partition. One row over
        // max_attempts, put there by hand, must not make the claim of the others fail.
        String claimByLane = """
                WITH picked AS MATERIALIZED (
                    SELECT head.address
                    FROM (VALUES (%3$s::smallint, ?::bigint, ?::bigint), (%4$s::smallint, ?, ?), (%5$s::smallint, ?, ?),
                            (%6$s::smallint, ?, ?)) AS lane (priority, floor, ceiling)
                    CROSS JOIN LATERAL (
                        SELECT a.ctid AS address
                        FROM %1$s.job_available AS a
                        WHERE a.queue = ? AND a.priority = lane.priority AND a.run_order >= lane.floor AND a.run_order < lane.ceiling
                            AND (a.kind IN (SELECT unnest(?::text[]))) IS TRUE
                        ORDER BY a.run_order
                        LIMIT ?
                        FOR UPDATE SKIP LOCKED
                    ) AS head
                    WHERE NOT EXISTS (SELECT FROM %1$s.queue AS q WHERE q.name = ? AND q.paused_at IS NOT NULL)
                    LIMIT ?
                ), gone AS (
                    DELETE FROM %1$s.job_available WHERE ctid = ANY (ARRAY (SELECT address FROM picked)) RETURNING *
                ), %7$s
                INSERT INTO %1$s.job_running
                    (%2$s, scheduled_at, errors, state, attempt, attempted_at, attempted_by)
                SELECT id, run_order, created_at, priority, greatest(max_attempts, attempt + 1), queue, kind, args, timeout, tags,
                    metadata, unique_key, unique_states, retry_policy, scheduled_at, errors, 'running', attempt + 1,
                    clock_timestamp(), ?
                FROM gone
                RETURNING id, run_order, queue, kind, args, priority, attempt, max_attempts, created_at, scheduled_at, tags,
                    metadata, CASE WHEN timeout IS NOT NULL
                        THEN (date_part('epoch', least(timeout, interval '100 years')) * 1000)::bigint END, retry_policy,
                    (date_part('epoch', attempted_at - greatest(scheduled_at, 'epoch')) * 1000000)::bigint
                """;
        String freed = freed(s, "'running' <> ALL (unique_states)");
        claim = claimByLane.formatted(s, KEPT, 1, 2, 3, 4, freed);
        claimFromLowest = claimByLane.formatted(s, KEPT, 4, 3, 2, 1, freed);
        // What has ended is looked up by the index, whatever the statistics say: the planner does not see how many ids
        // an array has that comes out of a query, and expects few. By a join alone it reads the whole partition where
        // that was empty when it was vacuumed, for it expects one row then; and where the ids are many, with all the
        // ended rows that a held snapshot keeps.
        finish = """
                WITH ended AS (
                    SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[])
                        AS e (id, token, state, output, error)
                ), gone AS (
                    DELETE FROM %1$s.job_running AS r USING ended AS e
                    WHERE r.id = e.id AND r.run_order = e.token AND r.id = ANY (ARRAY (SELECT id FROM ended))
                    RETURNING r.*, e.state AS final_state, e.output AS final_output, e.error
                ), %3$s
                INSERT INTO %1$s.job_finalized
                    (%2$s, scheduled_at, errors, state, attempt, attempted_at, attempted_by, finalized_at, output)
                SELECT %2$s, scheduled_at, %1$s.append_error(errors, error::jsonb), final_state, attempt, attempted_at, attempted_by, clock_timestamp(), final_output::jsonb
                FROM gone
                RETURNING id
                """.formatted(s, KEPT, freed(s, "final_state <> ALL (unique_states)"));
        // What nearly every job ends with: no text to send, to unnest or to cast. No token is given twice, so it needs
        // no pairing with its id, and no join. IS TRUE keeps the planner from making one: the server looks tokens up in
        // a hash, which in a plan that is kept it would not do with an array.
        complete = """
                WITH gone AS (
                    DELETE FROM %1$s.job_running
                    WHERE id = ANY (ARRAY (SELECT unnest(?::bigint[]))) AND (run_order IN (SELECT unnest(?::bigint[]))) IS TRUE
                    RETURNING *
                ), %3$s
                INSERT INTO %1$s.job_finalized
                    (%2$s, scheduled_at, errors, state, attempt, attempted_at, attempted_by, finalized_at)
                SELECT %2$s, scheduled_at, errors, 'completed', attempt, attempted_at, attempted_by, clock_timestamp()
                FROM gone
                RETURNING id
                """.formatted(s, KEPT, freed(s, "'completed' <> ALL (unique_states)"));
        // Where no history is kept. The job is gone, and with it whatever key it holds.
        deleteFinished = """
                WITH gone AS (
                    DELETE FROM %1$s.job_running
                    WHERE id = ANY (ARRAY (SELECT unnest(?::bigint[]))) AND (run_order IN (SELECT unnest(?::bigint[]))) IS TRUE
                    RETURNING id, unique_key
                ), %2$s
                SELECT id FROM gone
                """.formatted(s, freed(s, "true"));
        String freedIfCancelled = freed(s, "next_state = 'cancelled' AND 'cancelled' <> ALL (unique_states)");
        // A cancel that was asked for while the job ran holds whatever the attempt came to.
        defer = """
                WITH ended AS (
                    SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::boolean[], ?::text[])
                        AS e (id, token, state, delay, refunded, error)
                ), gone AS (
                    DELETE FROM %1$s.job_running AS r USING ended AS e
                    WHERE r.id = e.id AND r.run_order = e.token AND r.id = ANY (ARRAY (SELECT id FROM ended))
                    RETURNING r.*, e.delay, e.refunded, e.error,
                        CASE WHEN cancel_requested_at IS NULL THEN e.state ELSE 'cancelled' END AS next_state
                ), %3$s
                INSERT INTO %1$s.job
                    (%2$s, scheduled_at, errors, state, attempt, attempted_at, attempted_by, finalized_at)
                SELECT %2$s,
                    CASE next_state WHEN 'cancelled' THEN scheduled_at ELSE clock_timestamp() + delay * interval '1 microsecond' END,
                    %1$s.append_error(errors, error::jsonb), next_state, CASE WHEN refunded THEN attempt - 1 ELSE attempt END,
                    attempted_at, attempted_by, CASE next_state WHEN 'cancelled' THEN clock_timestamp() END
                FROM gone
                RETURNING id, state = 'cancelled'
                """.formatted(s, KEPT, freedIfCancelled);
        // A fresh run order: the job goes to the tail of its lane, so that no claimer's floor has to move backwards,
        // and the old lease can never match again.
        release = """
                WITH ended AS (
                    SELECT * FROM unnest(?::bigint[], ?::bigint[]) AS e (id, token) ORDER BY id
                ), gone AS (
                    DELETE FROM %1$s.job_running AS r USING ended AS e
                    WHERE r.id = e.id AND r.run_order = e.token AND r.id = ANY (ARRAY (SELECT id FROM ended))
                    RETURNING r.*, CASE WHEN cancel_requested_at IS NULL THEN 'available' ELSE 'cancelled' END AS next_state
                ), %4$s
                INSERT INTO %1$s.job
                    (id, run_order, created_at, priority, max_attempts, queue, kind, args, timeout, tags, metadata, unique_key,
                     unique_states, retry_policy, scheduled_at, errors, state, attempt, finalized_at)
                SELECT id, %3$s, created_at, priority, max_attempts, queue, kind, args, timeout, tags, metadata, unique_key,
                    unique_states, retry_policy, least(scheduled_at, clock_timestamp()), errors, next_state, attempt - 1,
                    CASE next_state WHEN 'cancelled' THEN clock_timestamp() END
                FROM (SELECT * FROM gone ORDER BY run_order OFFSET 0) AS gone
                RETURNING id, state = 'cancelled',
                    CASE state WHEN 'available' THEN pg_notify(?, 'available ' || queue) END
                """.formatted(s, KEPT, nextRunOrder, freedIfCancelled);
        leasesOf = "SELECT id, run_order FROM " + s + ".job_running WHERE attempted_by = ? AND queue = ?";
        cancelRequests = "SELECT run_order FROM " + s
                + ".job_running WHERE attempted_by = ? AND cancel_requested_at IS NOT NULL";
        sequencePosition = "SELECT last_value FROM " + s + ".job_seq";
    }

    /**
     * Part of a statement: those that are {@code gone} give back the keys that they hold no longer. One scan of the keys for all,
     * whatever their statistics say.
     *
     * @param which of them
     */
    private static String freed(String schema, String which) {
        return """
                freed AS (
                    DELETE FROM %1$s.unique_key
                    WHERE key = ANY (ARRAY (SELECT unique_key FROM gone WHERE unique_key IS NOT NULL AND %2$s))
                        AND ((key, job_id) IN (SELECT unique_key, id FROM gone WHERE unique_key IS NOT NULL AND %2$s)) IS TRUE
                )""".formatted(schema, which);
    }

    /**
     * Leases up to {@code limit} jobs of the kinds given, highest priority first, in the order they became available.
     *
     * @param range where to look
     */
    List<LeasedJob> claim(
            Connection connection, String queue, Array kinds, int limit, Floors.Range range, String workerId)
            throws SQLException {
        boolean fromLowest = range.isFromLowest();
        try (PreparedStatement statement = connection.prepareStatement(fromLowest ? claimFromLowest : claim)) {
            int next = 1;
            for (int lane = 0; lane < LANES; lane++) {
                int ofRange = fromLowest ? LANES - 1 - lane : lane;
                statement.setLong(next++, range.floor(ofRange));
                statement.setLong(next++, range.ceiling(ofRange));
            }
            statement.setString(next++, queue);
            statement.setArray(next++, kinds);
            statement.setInt(next++, limit);
            statement.setString(next++, queue);
            statement.setInt(next++, limit);
            statement.setString(next, workerId);
            try (ResultSet rows = statement.executeQuery()) {
                List<LeasedJob> claimed = new ArrayList<>();
                while (rows.next()) {
                    claimed.add(leased(rows));
                }
                claimed.sort(IN_ORDER);
                return claimed;
            }
        }
    }

    /** Whether {@link #finish} is one statement: it is where all history is kept. */
    boolean finishesAtOnce() {
        return settings.keepsAll();
    }

    /** Ends lives; returns the ids that really changed. Jobs of which no history is kept are deleted. */
    Set<Long> finish(Connection connection, List<Outcome.Finalize> unordered) throws SQLException {
        List<Outcome.Finalize> outcomes = byId(unordered);
        if (settings.keepsAll()) {
            return moveToHistory(connection, outcomes);
        }
        Map<Boolean, List<Outcome.Finalize>> byKept = outcomes.stream()
                .collect(Collectors.partitioningBy(
                        outcome -> settings.keeps(outcome.job().queue(), outcome.state())));
        Set<Long> changed = new HashSet<>();
        List<Outcome.Finalize> kept = byKept.getOrDefault(true, List.of());
        if (!kept.isEmpty()) {
            changed.addAll(moveToHistory(connection, kept));
        }
        List<Outcome.Finalize> deleted = byKept.getOrDefault(false, List.of());
        if (!deleted.isEmpty()) {
            try (PreparedStatement statement = connection.prepareStatement(deleteFinished)) {
                setLeases(statement, deleted);
                changed.addAll(ids(statement));
            }
        }
        return changed;
    }

    private Set<Long> moveToHistory(Connection connection, List<Outcome.Finalize> outcomes) throws SQLException {
        if (outcomes.stream().allMatch(Outcome.Finalize::isPlain)) {
            try (PreparedStatement statement = connection.prepareStatement(complete)) {
                setLeases(statement, outcomes);
                return ids(statement);
            }
        }
        try (PreparedStatement statement = connection.prepareStatement(finish)) {
            setLeases(statement, outcomes);
            setTexts(connection, statement, 3, outcomes, Outcome.Finalize::state);
            setTexts(connection, statement, 4, outcomes, Outcome.Finalize::output);
            setTexts(connection, statement, 5, outcomes, Outcome.Finalize::error);
            return ids(statement);
        }
    }

    /**
     * Makes jobs wait for a time; returns the ids that really changed.
     *
     * @param cancelled gets those that were cancelled from outside, and so do not wait
     */
    Set<Long> defer(Connection connection, List<Outcome.Defer> unordered, Set<Long> cancelled) throws SQLException {
        List<Outcome.Defer> outcomes = byId(unordered);
        // A moment is for the database's clock to judge; its statement takes delays, which most outcomes are.
        long now = outcomes.stream().allMatch(outcome -> outcome.until() == null) ? 0 : clockMicros(connection);
        try (PreparedStatement statement = connection.prepareStatement(defer)) {
            setLeases(statement, outcomes);
            setTexts(connection, statement, 3, outcomes, Outcome.Defer::state);
            statement.setArray(
                    4,
                    connection.createArrayOf(
                            "bigint",
                            outcomes.stream()
                                    .map(outcome -> outcome.delayMicrosFrom(now))
                                    .toArray()));
            statement.setArray(
                    5,
                    connection.createArrayOf(
                            "boolean",
                            outcomes.stream().map(Outcome.Defer::refunded).toArray()));
            setTexts(connection, statement, 6, outcomes, Outcome.Defer::error);
            return ids(statement, cancelled);
        }
    }

    private static long clockMicros(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                        "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    /**
     * Gives leases back, and wakes whoever may take the jobs; returns the ids that really changed.
     *
     * @param cancelled gets those that were cancelled from outside, and so are not available
     */
    Set<Long> release(Connection connection, long[] ids, long[] tokens, Set<Long> cancelled) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(release)) {
            statement.setObject(1, ids);
            statement.setObject(2, tokens);
            statement.setString(3, channel);
            return ids(statement, cancelled);
        }
    }

    /** All leases of a worker in a queue, as the database sees them: id by token. Reads the whole partition. */
    Map<Long, Long> leasesOf(Connection connection, String workerId, String queue) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(leasesOf)) {
            statement.setString(1, workerId);
            statement.setString(2, queue);
            try (ResultSet rows = statement.executeQuery()) {
                Map<Long, Long> leases = new HashMap<>();
                while (rows.next()) {
                    leases.put(rows.getLong(2), rows.getLong(1));
                }
                return leases;
            }
        }
    }

    /** Tokens of a worker's leases whose jobs are to be cancelled. */
    Set<Long> cancelRequests(Connection connection, String workerId) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(cancelRequests)) {
            statement.setString(1, workerId);
            return ids(statement);
        }
    }

    /** The highest run order given so far. */
    long sequencePosition(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sequencePosition);
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    /** The order in which operators lock what runs, so that neither waits for the other in a circle. */
    private static <O extends Outcome> List<O> byId(List<O> outcomes) {
        return outcomes.stream()
                .sorted(Comparator.comparingLong(outcome -> outcome.job().id()))
                .toList();
    }

    private static void setLeases(PreparedStatement statement, List<? extends Outcome> outcomes) throws SQLException {
        long[] ids = new long[outcomes.size()];
        long[] tokens = new long[outcomes.size()];
        for (int i = 0; i < ids.length; i++) {
            LeasedJob job = outcomes.get(i).job();
            ids[i] = job.id();
            tokens[i] = job.token();
        }
        statement.setObject(1, ids);
        statement.setObject(2, tokens);
    }

    private static <O> void setTexts(
            Connection connection,
            PreparedStatement statement,
            int index,
            List<O> outcomes,
            Function<O, @Nullable String> text)
            throws SQLException {
        statement.setArray(
                index,
                connection.createArrayOf("text", outcomes.stream().map(text).toArray()));
    }

    private static Set<Long> ids(PreparedStatement statement, Set<Long> marked) throws SQLException {
        Set<Long> ids = new HashSet<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                ids.add(rows.getLong(1));
                if (rows.getBoolean(2)) {
                    marked.add(rows.getLong(1));
                }
            }
        }
        return ids;
    }

    private static Set<Long> ids(PreparedStatement statement) throws SQLException {
        Set<Long> ids = new HashSet<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                ids.add(rows.getLong(1));
            }
        }
        return ids;
    }

    private static LeasedJob leased(ResultSet row) throws SQLException {
        Array tags = row.getArray(11);
        long timeoutMillis = row.getLong(13);
        Duration timeout = row.wasNull() ? null : Duration.ofMillis(timeoutMillis);
        return new LeasedJob(
                row.getLong(1),
                row.getLong(2),
                row.getString(3),
                row.getString(4),
                row.getString(5),
                row.getInt(6),
                row.getInt(7),
                row.getInt(8),
                instant(row, 9),
                instant(row, 10),
                tags == null ? List.of() : nonNull((String[]) tags.getArray()),
                row.getString(12),
                timeout,
                row.getString(14),
                // A clock that was set back makes no wait shorter than none.
                Duration.of(Math.max(0, row.getLong(15)), ChronoUnit.MICROS));
    }

    /** Another program may have put NULL among the tags: that must not fail a whole claim. */
    private static List<String> nonNull(String[] tags) {
        return Arrays.stream(tags).filter(Objects::nonNull).toList();
    }

    private static Instant instant(ResultSet row, int column) throws SQLException {
        return row.getObject(column, OffsetDateTime.class).toInstant();
    }
}
