package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/**
 * What plain pgjdbc reaches without the library: the same inserts into the same tables, and a narrow table of two columns that
 * compares one machine with another. Immutable.
 */
final class BareSql {

    private static final int COPY_BYTES = 1 << 20;
    private static final int DELETE_ROWS = 1_000;
    private static final int DELETE_THREADS = 2;

    private final Database database;
    private final String schema;
    private final String nextval;
    private final byte[] afterNumber;

    BareSql(Database database, String pad) {
        this.database = database;
        this.schema = database.schema().quoted();
        this.nextval = "nextval('" + schema.replace("'", "''") + ".job_seq')";
        this.afterNumber = (",\"pad\":\"" + pad + "\"}\n").getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * Jobs by one COPY, ids from the sequence.
     *
     * @param from number of the first
     */
    void copyJobs(String queue, int from, int jobs) throws SQLException {
        try (Connection connection = Sessions.open(database)) {
            connection.setAutoCommit(false);
            long first;
            try (PreparedStatement reserve = connection.prepareStatement(
                    "SELECT min(id) FROM (SELECT " + nextval + " AS id FROM generate_series(1, ?)) AS reserved")) {
                reserve.setInt(1, jobs);
                try (ResultSet row = reserve.executeQuery()) {
                    row.next();
                    first = row.getLong(1);
                }
            }
            String between = "\t" + queue + "\t" + Load.PLAIN.kind() + "\t{\"n\":";
            copy(
                    connection,
                    "COPY " + schema + ".job_available (id, run_order, queue, kind, args) FROM STDIN",
                    jobs,
                    n -> (first + n) + "\t" + (first + n) + between + (from + n));
            connection.commit();
        }
    }

    /** Jobs one by one, each in a transaction of its own. */
    void insertJobs(String queue, int jobs, int threads) throws Exception {
        String pad = new String(afterNumber, 0, afterNumber.length - 1, StandardCharsets.US_ASCII);
        AtomicInteger next = new AtomicInteger();
        Threads.run(threads, () -> {
            try (Connection connection = Sessions.open(database);
                    PreparedStatement insert = connection.prepareStatement(
                            "INSERT INTO " + schema + ".job_available (queue, kind, args) VALUES (?, ?, ?::jsonb)")) {
                for (int n = next.getAndIncrement(); n < jobs; n = next.getAndIncrement()) {
                    insert.setString(1, queue);
                    insert.setString(2, Load.PLAIN.kind());
                    insert.setString(3, "{\"n\":" + n + pad);
                    insert.executeUpdate();
                }
            }
        });
    }

    /** Makes the narrow table anew and copies rows into it; what counts is the copy. Returns rows a second. */
    double copyNarrow(int rows) throws SQLException {
        try (Connection connection = Sessions.open(database);
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS " + schema + ".narrow");
            statement.execute("CREATE TABLE " + schema + ".narrow (id bigint PRIMARY KEY, args jsonb NOT NULL)");
            long began = System.nanoTime();
            copy(connection, "COPY " + schema + ".narrow FROM STDIN", rows, n -> n + "\t{\"n\":" + n);
            return Rates.perSecond(rows, began);
        }
    }

    /** Takes all rows out of the narrow table, as a queue without history or leases would. Returns rows a second. */
    double drainNarrow(int rows) throws Exception {
        long began = System.nanoTime();
        Threads.run(DELETE_THREADS, () -> {
            try (Connection connection = Sessions.open(database);
                    PreparedStatement delete =
                            connection.prepareStatement(("DELETE FROM %1$s.narrow WHERE id = ANY (ARRAY ("
                                            + "SELECT id FROM %1$s.narrow ORDER BY id LIMIT %2$s FOR UPDATE SKIP LOCKED))"
                                            + " RETURNING id, args")
                                    .formatted(schema, DELETE_ROWS))) {
                boolean any = true;
                while (any) {
                    try (ResultSet row = delete.executeQuery()) {
                        any = row.next();
                    }
                }
            }
        });
        return Rates.perSecond(rows, began);
    }

    /** The start of a row, up to the number within its arguments. */
    private interface Row {
        String start(int n);
    }

    private void copy(Connection connection, String sql, int rows, Row row) throws SQLException {
        CopyIn copy = connection.unwrap(PGConnection.class).getCopyAPI().copyIn(sql);
        try {
            byte[] buffer = new byte[COPY_BYTES + afterNumber.length + 1_024];
            int length = 0;
            for (int n = 0; n < rows; n++) {
                String start = row.start(n);
                byte[] bytes = start.getBytes(StandardCharsets.UTF_8);
                System.arraycopy(bytes, 0, buffer, length, bytes.length);
                length += bytes.length;
                System.arraycopy(afterNumber, 0, buffer, length, afterNumber.length);
                length += afterNumber.length;
                if (length >= COPY_BYTES || n == rows - 1) {
                    copy.writeToCopy(buffer, 0, length);
                    length = 0;
                }
            }
            copy.endCopy();
        } finally {
            if (copy.isActive()) {
                copy.cancelCopy();
            }
        }
    }
}
