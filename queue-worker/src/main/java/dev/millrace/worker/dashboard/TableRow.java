package dev.millrace.worker.dashboard;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table of the schema as the statistics have it. Immutable.
 *
 * @param rows about how many; negative where nobody has looked yet
 * @param dead about how many rows are deleted and not removed yet
 * @param bytes with indexes
 */
record TableRow(
        String name,
        long rows,
        long dead,
        long bytes,
        @Nullable Instant vacuumedAt) {

    private static final int LIMIT = 200;

    /** The first {@value #LIMIT} by name. */
    static List<TableRow> list(Connection connection, String schema) throws SQLException {
        String sql = """
                SELECT c.relname, c.reltuples::bigint AS rows, s.n_dead_tup AS dead, pg_total_relation_size(c.oid) AS bytes,
                    greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at
                FROM pg_class AS c LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
                WHERE c.relnamespace = to_regnamespace(?) AND c.relkind = 'r'
                ORDER BY c.relname LIMIT %s""".formatted(LIMIT);
        List<TableRow> tables = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, schema);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    OffsetDateTime vacuumed = row.getObject("vacuumed_at", OffsetDateTime.class);
                    tables.add(new TableRow(
                            row.getString("relname"),
                            row.getLong("rows"),
                            row.getLong("dead"),
                            row.getLong("bytes"),
                            vacuumed == null ? null : vacuumed.toInstant()));
                }
            }
        }
        return tables;
    }
}
