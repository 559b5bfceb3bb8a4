package dev.millrace.ops;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** The statements that look at jobs. Immutable. */
final class JobQueries {

    private static final int MAX_READING = 1_000_000;

    private final SchemaName schema;
    private final String job;

    JobQueries(SchemaName schema) {
        this.schema = schema;
        this.job = schema.quoted() + ".job";
    }

    Optional<JobDetails> get(Connection connection, long id) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT " + JobRows.DETAILS + " FROM " + job + " WHERE id = ?")) {
            statement.setLong(1, id);
            try (ResultSet row = statement.executeQuery()) {
                return row.next() ? Optional.of(JobRows.details(row)) : Optional.empty();
            }
        }
    }

    JobPage list(Connection connection, JobFilter filter, PageRequest page) throws SQLException {
        Where where = Where.of(filter);
        PageRequest.Place after = page.after();
        Long end = end(connection, filter, page);
        if (end != null) {
            where.and(page.order() == JobOrder.NEWEST_FIRST ? "id >= ?" : "id <= ?", end);
        }
        String order = switch (page.order()) {
            case NEWEST_FIRST -> {
                if (after != null) {
                    where.and("id < ?", after.id());
                }
                yield "id DESC";
            }
            case OLDEST_FIRST -> {
                if (after != null) {
                    where.and("id > ?", after.id());
                }
                yield "id";
            }
            case DUE_FIRST -> {
                // Word for word the condition of the index job_deferred_due.
                where.and("state IN ('scheduled', 'retryable')");
                if (after != null) {
                    // The first condition is for the index, which has no ids.
                    where.and("scheduled_at >= ?", after.due())
                            .and("(scheduled_at, id) > (?, ?)", after.due(), after.id());
                }
                yield "scheduled_at, id";
            }
        };
        String sql = "SELECT " + JobRows.SUMMARY + " FROM " + job + where.sql() + " ORDER BY " + order + " LIMIT ?";
        try (PreparedStatement statement = where.prepare(connection, sql)) {
            // One more than is shown tells whether there is a next page.
            statement.setInt(where.next(), page.size() + 1);
            List<JobSummary> jobs = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    jobs.add(JobRows.summary(rows));
                }
            }
            if (jobs.size() <= page.size()) {
                return new JobPage(
                        List.copyOf(jobs), end == null ? null : new PageRequest.Place(page.order(), 0, end).token());
            }
            jobs.remove(page.size());
            return new JobPage(
                    List.copyOf(jobs),
                    PageRequest.Place.of(page.order(), jobs.get(page.size() - 1))
                            .token());
        }
    }

    /** Where a page ends that may not look at more; null where nothing ends it before the jobs do. */
    private @Nullable Long end(Connection connection, JobFilter filter, PageRequest page) throws SQLException {
        Integer reading = page.reading();
        boolean all = Where.of(filter).sql().isEmpty();
        if (reading == null || all || page.order() == JobOrder.DUE_FIRST) {
            return null;
        }
        return new Walk(schema, filter, page.order(), page.after()).end(connection, reading);
    }

    long count(Connection connection, JobFilter filter) throws SQLException {
        Where where = Where.of(filter);
        try (PreparedStatement statement = where.prepare(connection, "SELECT count(*) FROM " + job + where.sql())) {
            return single(statement);
        }
    }

    /** How many match, reading no more than the cap. */
    long countUpTo(Connection connection, JobFilter filter, long cap) throws SQLException {
        Where where = Where.of(filter);
        String sql = "SELECT count(*) FROM (SELECT FROM " + job + where.sql() + " LIMIT ?) AS matching";
        try (PreparedStatement statement = where.prepare(connection, sql)) {
            statement.setLong(where.next(), cap);
            return single(statement);
        }
    }

    /** How many match among the newest of the phases, and whether these are all. */
    JobCount countAmong(Connection connection, JobFilter filter, int newest) throws SQLException {
        Long end = new Walk(schema, filter, JobOrder.NEWEST_FIRST, null).end(connection, newest);
        Where where = Where.of(filter);
        if (end != null) {
            where.and("id >= ?", end);
        }
        try (PreparedStatement statement = where.prepare(connection, "SELECT count(*) FROM " + job + where.sql())) {
            return new JobCount(single(statement), end == null);
        }
    }

    static int requireReading(int jobs) {
        if (jobs < 1 || jobs > MAX_READING) {
            throw new IllegalArgumentException("Reading " + jobs + " jobs is out of range: 1 to " + MAX_READING);
        }
        return jobs;
    }

    private static long single(PreparedStatement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    /** How many rows the planner expects. Reads no job. */
    long estimate(Connection connection, JobFilter filter) throws SQLException {
        Where where = Where.of(filter);
        String sql = "EXPLAIN (FORMAT JSON) SELECT FROM " + job + where.sql();
        try (PreparedStatement statement = where.prepare(connection, sql);
                ResultSet row = statement.executeQuery()) {
            row.next();
            return JsonMapper.shared()
                    .readTree(row.getString(1))
                    .path(0)
                    .path("Plan")
                    .path("Plan Rows")
                    .asLong();
        }
    }
}
