package dev.millrace.worker.doctor;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Days of history ahead, which the leader creates, and what is in none of them. */
record HistoryCheck(SchemaName schema) implements Check {

    private static final String DAY = "job_finalized_";

    private static final String DAYS = """
            SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass(quote_ident(?) || '.job_finalized')
            """;

    /** By the statistics, since it may hold many. */
    private static final String REST = """
            SELECT (now() AT TIME ZONE 'UTC')::date::text,
                (SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(quote_ident(?) || '.job_finalized_default'))
            """;

    @Override
    public String name() {
        return "history";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        Set<String> days = new HashSet<>();
        try (PreparedStatement statement = connection.prepareStatement(DAYS)) {
            statement.setString(1, schema.value());
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    days.add(row.getString(1));
                }
            }
        }
        LocalDate today;
        long kept;
        try (PreparedStatement statement = connection.prepareStatement(REST)) {
            statement.setString(1, schema.value());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                today = LocalDate.parse(row.getString(1));
                kept = row.getLong(2);
            }
        }
        LocalDate next = today;
        while (days.contains(DAY + next.format(DateTimeFormatter.BASIC_ISO_DATE))) {
            next = next.plusDays(1);
        }
        if (next.equals(today)) {
            return List.of(Finding.fail(
                    name(),
                    "there is no day partition for " + today
                            + ": jobs that end go to job_finalized_default, and can't be dropped by day",
                    "start a worker that does maintenance as the owner of the tables; if there is one, see its log"));
        }
        if (next.equals(today.plusDays(1))) {
            return List.of(Finding.warn(
                    name(),
                    "there is no day partition after " + today,
                    "start a worker that does maintenance as the owner of the tables; if there is one, see its log"));
        }
        return List.of(Finding.ok(
                name(),
                "days up to " + next.minusDays(1) + "; "
                        + (kept > 0
                                ? "about " + kept + " jobs kept longer than their day"
                                : "no job kept longer than its day")));
    }
}
