package dev.millrace.worker.engine;

import dev.millrace.migrations.SchemaName;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Duration;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The statements that create, clear and drop the partitions of history. Days are those of UTC, by the database's clock. Each
 * statement is bounded and may be run twice, or by two at once; the drop also asks whether this worker still leads. Immutable.
 */
final class HistoryTable {

    static final int DAYS_AHEAD = 3;
    static final String DEFAULT = "job_finalized_default";
    /** Pages that one statement reads. */
    static final int PAGES = 200;
    /** Rows of history that one transaction moves. */
    static final int MOST_MOVED = 10_000;

    private static final int KEYS = 1_000;
    /** A completion that has to wait for this is not noticed by anyone. */
    private static final String SHORT_LOCK = "SET LOCAL lock_timeout = '200ms'";

    private final LeaderTable leader;
    private final String schema;
    private final String outlook;
    private final String keep;

    /**
     * A partition of history.
     *
     * @param table its name
     * @param day of its rows; null for the default partition
     * @param over whether every row of it has been kept for as long as any rule asks
     * @param rulesOver rules whose time is over for every row of it
     * @param shortRules whether rows may go before the day does: some rule keeps for less than a day
     */
    record Part(String table, @Nullable LocalDate day, boolean over, int rulesOver, boolean shortRules) {

        /** What no day covers, and what is kept longer than its day. */
        static final Part REST = new Part(DEFAULT, null, false, 0, true);
    }

    /**
     * What there is to do.
     *
     * @param days that hold something which may be dropped or deleted, oldest first
     * @param missing days that have no partition though they are about to begin
     */
    record Outlook(List<Part> days, List<LocalDate> missing) {}

    HistoryTable(SchemaName schema, LeaderTable leader) {
        this.leader = leader;
        this.schema = schema.quoted();
        // How long the row of the alias f is to be kept: by its queue, else by all queues; null is for ever.
        this.keep = """
                coalesce((SELECT r.keep FROM %1$s.retention AS r WHERE r.queue = f.queue AND r.state = f.state),
                    (SELECT r.keep FROM %1$s.retention AS r WHERE r.queue = '' AND r.state = f.state))
                """.formatted(this.schema);
        // A transaction may commit some time after the moment that its row bears: a day is given two hours more.
        // Time that has passed since the end of a day is compared with each rule. A rule for one queue does not make
        // the rule for all
        // any shorter, so a day is over for the longest of them.
        this.outlook = """
                WITH today AS (
                    SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day
                ), existing AS (
                    SELECT c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
                    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                    WHERE i.inhparent = '%2$s.job_finalized'::regclass AND c.relname ~ '^job_finalized_[0-9]{8}$'
                )
                SELECT e.name, e.day, bool_and(o.over) AND count(*) FILTER (WHERE r.queue = '') = 3,
                    count(*) FILTER (WHERE o.over)::integer, bool_or(r.keep < interval '24 hours')
                FROM existing AS e CROSS JOIN %1$s.retention AS r
                CROSS JOIN LATERAL (
                    SELECT (e.day + 1)::timestamp AT TIME ZONE 'UTC' + r.keep + interval '2 hours' <= clock_timestamp() AS over) AS o
                WHERE e.day <= (SELECT day FROM today)
                GROUP BY e.name, e.day
                HAVING bool_or(o.over) OR bool_or(r.keep < interval '24 hours')
                UNION ALL
                SELECT NULL, t.day + n, NULL, NULL, NULL
                FROM today AS t CROSS JOIN generate_series(0, %3$s) AS n
                WHERE NOT EXISTS (SELECT FROM existing AS e WHERE e.day = t.day + n)
                ORDER BY 2
                """.formatted(this.schema, this.schema.replace("'", "''"), DAYS_AHEAD);
    }

    Outlook look(Connection connection) throws SQLException {
        List<Part> days = new ArrayList<>();
        List<LocalDate> missing = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(outlook);
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                String table = row.getString(1);
                LocalDate day = row.getObject(2, LocalDate.class);
                if (table == null) {
                    missing.add(day);
                } else {
                    days.add(new Part(table, day, row.getBoolean(3), row.getInt(4), row.getBoolean(5)));
                }
            }
        }
        return new Outlook(days, missing);
    }

    /**
     * Creates the partition of a day. It is made apart and attached, which needs only a weak lock on the history. Rows of that day
     * which are in the default partition already, because nobody made this one in time, are moved into it first.
     *
     * @return whether it could be done: more than {@link #MOST_MOVED} such rows stay where they are
     */
    boolean createDay(Connection connection, LocalDate day) throws SQLException {
        String name = schema + ".job_finalized_" + day.format(DateTimeFormatter.BASIC_ISO_DATE);
        String from = "'" + day + " 00:00:00+00'";
        String to = "'" + day.plusDays(1) + " 00:00:00+00'";
        String ofDay =
                " FROM " + schema + "." + DEFAULT + " WHERE finalized_at >= " + from + " AND finalized_at < " + to;
        try (Statement statement = connection.createStatement()) {
            try (ResultSet row = statement.executeQuery(
                    "SELECT count(*) FROM (SELECT" + ofDay + " LIMIT " + (MOST_MOVED + 1) + ") AS those")) {
                row.next();
                if (row.getLong(1) > MOST_MOVED) {
                    return false;
                }
            }
            statement.execute(SHORT_LOCK);
            // Nobody may add to these rows until they are where they belong.
            statement.execute("LOCK TABLE " + schema + "." + DEFAULT + " IN ACCESS EXCLUSIVE MODE");
            statement.execute("CREATE TABLE " + name + " (LIKE " + schema
                    + ".job_finalized INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                    + " WITH (autovacuum_vacuum_insert_threshold = -1)");
            statement.execute(
                    "WITH moved AS (DELETE" + ofDay + " RETURNING *) INSERT INTO " + name + " SELECT * FROM moved");
            statement.execute("ALTER TABLE " + schema + ".job_finalized ATTACH PARTITION " + name + " FOR VALUES FROM ("
                    + from + ") TO (" + to + ")");
            statement.execute("ANALYZE " + name);
            return true;
        }
    }

    /**
     * The ids of rows that are to be kept longer, among {@link #PAGES} pages.
     *
     * @return nothing past the end of the table
     */
    Optional<List<Long>> stragglers(Connection connection, String table, long page) throws SQLException {
        if (page >= pages(connection, table)) {
            return Optional.empty();
        }
        String sql = "SELECT f.id FROM " + schema + "." + table + " AS f WHERE f.ctid >= ?::tid AND f.ctid < ?::tid"
                + " AND coalesce(f.finalized_at + " + keep + " > clock_timestamp(), true)";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            setPages(statement, page);
            List<Long> ids = new ArrayList<>();
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    ids.add(row.getLong(1));
                }
            }
            return Optional.of(ids);
        }
    }

    /**
     * Deletes rows whose time is over, among {@link #PAGES} pages, and releases their unique keys. Rows of a rule for a day or longer
     * are left until it is over for their whole day, which then is most often dropped.
     *
     * @return how many; -1 past the end of the table
     */
    int deleteExpired(Connection connection, Part part, long page) throws SQLException {
        if (page >= pages(connection, part.table())) {
            return -1;
        }
        String sql = """
                WITH gone AS (
                    DELETE FROM %1$s.%2$s AS f
                    WHERE f.ctid >= ?::tid AND f.ctid < ?::tid AND f.finalized_at + %3$s <= clock_timestamp()
                        AND (%3$s < interval '24 hours' OR coalesce(
                            (?::date + 1)::timestamp AT TIME ZONE 'UTC' + %3$s <= clock_timestamp(), true))
                    RETURNING f.id, f.unique_key
                ), freed AS (
                    DELETE FROM %1$s.unique_key AS k USING gone AS g WHERE k.key = g.unique_key AND k.job_id = g.id
                )
                SELECT count(*) FROM gone
                """.formatted(schema, part.table(), keep);
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            setPages(statement, page);
            statement.setObject(3, part.day(), Types.DATE);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getInt(1);
            }
        }
    }

    /**
     * Releases the unique keys that jobs of a table hold, in the order of their ids.
     *
     * @param except jobs that are kept
     * @param after id to begin behind
     * @return the last id that was looked at; nothing where there was none
     */
    OptionalLong releaseKeys(Connection connection, String table, List<Long> except, long after) throws SQLException {
        String sql = """
                WITH held AS MATERIALIZED (
                    SELECT f.id, f.unique_key FROM %1$s.%2$s AS f WHERE f.unique_key IS NOT NULL AND f.id > ? ORDER BY f.id LIMIT %3$s
                ), freed AS (
                    DELETE FROM %1$s.unique_key AS k USING held AS h
                    WHERE k.key = h.unique_key AND k.job_id = h.id AND h.id <> ALL (?)
                )
                SELECT max(id) FROM held
                """.formatted(schema, table, KEYS);
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setLong(1, after);
            statement.setArray(2, bigints(connection, except));
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                long last = row.getLong(1);
                return row.wasNull() ? OptionalLong.empty() : OptionalLong.of(last);
            }
        }
    }

    /**
     * Drops a day, after its stragglers have been moved to the default partition. All in the caller's transaction; waits for locks so
     * briefly that completions behind it do not notice, and fails where somebody reads the history just then.
     *
     * @return whether it was dropped: not where this worker leads no more
     */
    boolean dropDay(Connection connection, String table, List<Long> stragglers, String workerId, long term)
            throws SQLException {
        if (!leader.isHeld(connection, workerId, term)) {
            return false;
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute(SHORT_LOCK);
            // In the order in which a completion takes them.
            statement.execute("LOCK TABLE ONLY " + schema + ".job_finalized IN ACCESS EXCLUSIVE MODE");
            statement.execute("ALTER TABLE " + schema + ".job_finalized DETACH PARTITION " + schema + "." + table);
            if (!stragglers.isEmpty()) {
                try (PreparedStatement move = connection.prepareStatement("INSERT INTO " + schema + "." + DEFAULT
                        + " SELECT * FROM " + schema + "." + table + " WHERE id = ANY (?)")) {
                    move.setArray(1, bigints(connection, stragglers));
                    move.executeUpdate();
                }
            }
            statement.execute("DROP TABLE " + schema + "." + table);
            return true;
        }
    }

    /** Whether the statistics of all partitions together are as young as that. */
    boolean analyzedWithin(Connection connection, Duration time) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT coalesce(last_analyze > now() - ? * interval '1 second', false) FROM pg_stat_all_tables"
                        + " WHERE relid = to_regclass(?)")) {
            statement.setLong(1, time.toSeconds());
            statement.setString(2, schema + ".job");
            try (ResultSet row = statement.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    /** Statistics over all partitions, which nothing else brings up to date. */
    Void analyze(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("ANALYZE (SKIP_LOCKED) " + schema + ".job (state, queue, kind, priority, finalized_at)");
            return null;
        }
    }

    private long pages(Connection connection, String table) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT coalesce(pg_relation_size(to_regclass(?)) / current_setting('block_size')::integer, 0)")) {
            statement.setString(1, schema + "." + table);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    private static void setPages(PreparedStatement statement, long first) throws SQLException {
        statement.setString(1, "(" + first + ",0)");
        statement.setString(2, "(" + (first + PAGES) + ",0)");
    }

    private static Array bigints(Connection connection, List<Long> ids) throws SQLException {
        return connection.createArrayOf("bigint", ids.toArray());
    }
}
