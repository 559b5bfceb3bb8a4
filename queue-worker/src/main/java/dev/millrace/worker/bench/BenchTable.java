package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the benchmark itself asks the database, each time on a connection of its own. Immutable. */
final class BenchTable {

    private static final List<String> SETTINGS = List.of(
            "server_version",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "wal_level",
            "shared_buffers",
            "max_wal_size",
            "max_connections",
            "autovacuum");

    private static final int SESSION_CHECKS = 250;
    private static final int FETCH = 10_000;

    /**
     * What became of the jobs of a queue.
     *
     * @param left numbers of those that are there and not completed
     * @param completed numbers of those that are there and completed
     * @param seconds from the first claim to the last completion
     */
    record State(BitSet left, BitSet completed, double seconds) {}

    private final Database database;
    private final String schema;

    BenchTable(Database database) {
        this.database = database;
        this.schema = database.schema().quoted();
    }

    /** The highest id so far. */
    long position() throws SQLException {
        return number("SELECT last_value FROM " + schema + ".job_seq");
    }

    /**
     * Reads each phase by id, so rows that were generated before cost nothing.
     *
     * @param afterId every job of the queue has a higher one
     */
    State state(String queue, long afterId) throws SQLException {
        String jobs = " FROM " + schema + ".job WHERE id > ? AND queue = ?";
        try (Connection connection = Sessions.open(database);
                PreparedStatement numbers =
                        connection.prepareStatement("SELECT (args ->> 'n')::int, state = 'completed'" + jobs);
                PreparedStatement time = connection.prepareStatement(
                        "SELECT coalesce(extract(epoch FROM max(finalized_at) - min(attempted_at)), 0)::float8"
                                + jobs)) {
            // Else the driver reads all rows before the first is looked at.
            connection.setAutoCommit(false);
            numbers.setFetchSize(FETCH);
            numbers.setLong(1, afterId);
            numbers.setString(2, queue);
            BitSet left = new BitSet();
            BitSet completed = new BitSet();
            try (ResultSet row = numbers.executeQuery()) {
                while (row.next()) {
                    (row.getBoolean(2) ? completed : left).set(row.getInt(1));
                }
            }
            time.setLong(1, afterId);
            time.setString(2, queue);
            try (ResultSet row = time.executeQuery()) {
                row.next();
                return new State(left, completed, row.getDouble(1));
            }
        }
    }

    /** Mean size of the rows that wait, with header and line pointer. */
    double rowBytes(String queue) throws SQLException {
        try (Connection connection = Sessions.open(database);
                PreparedStatement statement = connection.prepareStatement(
                        "SELECT coalesce(avg(pg_column_size(j.*)), 0) + 4" + " FROM (SELECT * FROM " + schema
                                + ".job_available WHERE queue = ? LIMIT 1000) AS j")) {
            statement.setString(1, queue);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getDouble(1);
            }
        }
    }

    /** Every measurement finds clean tables, and a checkpoint behind it where this user may ask for one. */
    void tidy() throws SQLException {
        try (Connection connection = Sessions.open(database);
                Statement statement = connection.createStatement()) {
            statement.execute("VACUUM (ANALYZE) " + schema + ".job_available, " + schema + ".job_running, " + schema
                    + ".job_deferred, " + schema + ".unique_key");
            boolean may;
            try (ResultSet row = statement.executeQuery("SELECT pg_has_role('pg_checkpoint', 'MEMBER')")) {
                row.next();
                may = row.getBoolean(1);
            }
            if (may) {
                statement.execute("CHECKPOINT");
            }
        }
    }

    /**
     * What was spent so far. Sessions tell the statistics what they have done when they end.
     *
     * @param ended how the names of the instances begin whose sessions are waited for, up to five seconds
     */
    Costs costs(String ended) throws SQLException, IOException {
        try (Connection connection = Sessions.open(database)) {
            awaitEnd(connection, ended);
            try (PreparedStatement statement = connection.prepareStatement("""
                    SELECT pg_backend_pid(),
                        CASE WHEN pg_is_in_recovery() THEN NULL ELSE (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint END,
                        (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
                        (SELECT coalesce(sum(n_tup_del + n_tup_upd), 0)::bigint FROM pg_stat_all_tables WHERE schemaname = ?)
                    """)) {
                statement.setString(1, database.schema().value());
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    long wal = row.getLong(2);
                    return new Costs(
                            row.wasNull() ? null : wal,
                            row.getLong(3),
                            row.getLong(4),
                            ServerCpu.seconds(row.getInt(1)));
                }
            }
        }
    }

    private static void awaitEnd(Connection connection, String instance) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE starts_with(application_name, ?)), pg_sleep(0.02)")) {
            statement.setString(1, "millrace/" + instance);
            boolean any = true;
            for (int i = 0; any && i < SESSION_CHECKS; i++) {
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    any = row.getBoolean(1);
                }
            }
        }
    }

    /** Those of the server that weigh on a queue. */
    Map<String, Object> serverSettings() throws SQLException {
        Map<String, Object> settings = new LinkedHashMap<>();
        try (Connection connection = Sessions.open(database);
                PreparedStatement statement = connection.prepareStatement("SELECT current_setting(?, true)")) {
            for (String name : SETTINGS) {
                statement.setString(1, name);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    settings.put(name, row.getString(1));
                }
            }
        }
        return settings;
    }

    private long number(String sql) throws SQLException {
        try (Connection connection = Sessions.open(database);
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
