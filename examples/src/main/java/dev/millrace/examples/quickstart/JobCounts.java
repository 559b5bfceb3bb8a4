package dev.millrace.examples.quickstart;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * How far the jobs are, read from the table as anybody may.
 *
 * @param completed jobs that succeeded
 * @param failed jobs that have used up their attempts
 */
record JobCounts(long completed, long failed) {

    static JobCounts read(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state <> 'completed')
                        FROM millrace.job WHERE state IN ('completed', 'cancelled', 'discarded')""")) {
            row.next();
            return new JobCounts(row.getLong(1), row.getLong(2));
        }
    }

    long finalized() {
        return completed + failed;
    }

    /** Path and last error of the first few jobs that failed. */
    static List<String> failures(Connection connection, int limit) throws SQLException {
        List<String> failures = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT args ->> 'path', errors -> -1 ->> 'type', errors -> -1 ->> 'message'
                        FROM millrace.job WHERE state IN ('cancelled', 'discarded') ORDER BY id LIMIT\s""" + limit)) {
            while (row.next()) {
                failures.add(row.getString(1) + ": " + row.getString(2) + ": " + row.getString(3));
            }
        }
        return failures;
    }

    /** Whether a worker has registered: its JVM is up and it claims. */
    static boolean hasWorker(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT EXISTS (SELECT FROM millrace.worker WHERE lease_expires_at > now())")) {
            row.next();
            return row.getBoolean(1);
        }
    }
}
