package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/** What the benchmark itself asks the database, each on a connection of its own. Immutable. */
final class BenchTable {

    private static final List<String> SETTINGS = List.of(
            "server_version",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "wal_level",
            "shared_buffers",
            "max_wal_size",
            "autovacuum");
    private static final int DELETE_IDS = 50_000;
    private static final int COPY_BYTES = 1 << 20;

    /** What became of a backlog: how many jobs are completed, and the time from the first claim to the last completion. */
    record Drained(int completed, double seconds) {}

    private final Database database;
    private final String schema;

    BenchTable(Database database) {
        this.database = database;
        this.schema = database.schema().quoted();
    }

    long sequencePosition() throws SQLException {
        return number("SELECT last_value FROM " + schema + ".job_seq");
    }

    /** In bytes; -1 where this user may not know, or the server is a standby. */
    long walPosition() throws SQLException {
        return number(
                "SELECT CASE WHEN pg_is_in_recovery() THEN -1 ELSE pg_current_wal_lsn() - '0/0'::pg_lsn END::bigint");
    }

    Drained drained(String queue) throws SQLException {
        try (Connection connection = database.unpooled().getConnection();
                PreparedStatement statement = connection.prepareStatement("SELECT count(DISTINCT id),"
                        + " coalesce(extract(epoch FROM max(finalized_at) - min(attempted_at)), 0) FROM " + schema
                        + ".job WHERE state = 'completed' AND queue = ?")) {
            statement.setString(1, queue);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return new Drained(row.getInt(1), row.getDouble(2));
            }
        }
    }

    Map<String, Object> serverSettings() throws SQLException {
        Map<String, Object> settings = new LinkedHashMap<>();
        try (Connection connection = database.unpooled().getConnection();
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

    /** Rows like those of a bulk enqueue, by one COPY in its text format. */
    void copy(String queue, String kind, int jobs, String pad) throws SQLException {
        try (Connection connection = database.unpooled().getConnection()) {
            connection.setAutoCommit(false);
            long first;
            try (PreparedStatement reserve = connection.prepareStatement("SELECT min(id) FROM (SELECT nextval('"
                    + schema.replace("'", "''") + ".job_seq') AS id FROM generate_series(1, ?)) AS reserved")) {
                reserve.setInt(1, jobs);
                try (ResultSet row = reserve.executeQuery()) {
                    row.next();
                    first = row.getLong(1);
                }
            }
            CopyIn copy = connection
                    .unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn("COPY " + schema + ".job_available (id, run_order, queue, kind, args) FROM STDIN");
            try {
                StringBuilder chunk = new StringBuilder(COPY_BYTES + 1_024);
                for (int n = 0; n < jobs; n++) {
                    long id = first + n;
                    chunk.append(id)
                            .append('\t')
                            .append(id)
                            .append('\t')
                            .append(queue)
                            .append('\t')
                            .append(kind)
                            .append("\t{\"n\":")
                            .append(n)
                            .append(",\"pad\":\"")
                            .append(pad)
                            .append("\"}\n");
                    if (chunk.length() >= COPY_BYTES || n == jobs - 1) {
                        byte[] bytes = chunk.toString().getBytes(StandardCharsets.UTF_8);
                        copy.writeToCopy(bytes, 0, bytes.length);
                        chunk.setLength(0);
                    }
                }
                copy.endCopy();
            } finally {
                if (copy.isActive()) {
                    copy.cancelCopy();
                }
            }
            connection.commit();
        }
    }

    /** All jobs of the benchmark's kind since an id, in pieces. */
    void delete(long afterId, String kind) throws SQLException {
        long last = sequencePosition();
        try (Connection connection = database.unpooled().getConnection();
                PreparedStatement statement = connection.prepareStatement(
                        "DELETE FROM " + schema + ".job WHERE id > ? AND id <= ? AND kind = ?")) {
            for (long from = afterId; from < last; from += DELETE_IDS) {
                statement.setLong(1, from);
                statement.setLong(2, from + DELETE_IDS);
                statement.setString(3, kind);
                statement.executeUpdate();
            }
        }
    }

    private long number(String sql) throws SQLException {
        try (Connection connection = database.unpooled().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
