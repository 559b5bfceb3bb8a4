package dev.millrace.enqueue;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Ids taken from the sequence before they are used, so that a job whose insert was never answered can be looked up. A few at
 * first, then 64 for each round trip; those that are left at the end are lost, as sequence values may be. Thread-safe.
 */
final class ReservedIds {

    private static final int MOST = 64;

    private final String reserve;
    private final Deque<Long> ids = new ArrayDeque<>();
    private int next = 1;

    ReservedIds(SchemaName schema) {
        this.reserve =
                "SELECT nextval('" + schema.quoted().replace("'", "''") + ".job_seq') FROM generate_series(1, ?)";
    }

    long take(Connection connection) throws SQLException {
        int count;
        synchronized (this) {
            Long id = ids.poll();
            if (id != null) {
                return id;
            }
            count = next;
            next = Math.min(MOST, next * 2);
        }
        try (PreparedStatement statement = connection.prepareStatement(reserve)) {
            statement.setInt(1, count);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                long first = row.getLong(1);
                synchronized (this) {
                    while (row.next()) {
                        ids.add(row.getLong(1));
                    }
                }
                return first;
            }
        }
    }
}
