package dev.millrace.queue;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import dev.millrace.error.MillraceException;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Shows queues and changes what is set for them. A queue exists by being used; settings hold before its first job as well, and for
 * all workers: a pause at once, slots and retention as soon as a worker has been told, at the latest with its next heartbeat. Each
 * method is one call of an SQL function of the schema, so all of it can be done from SQL too. Safe for use by many threads.
 *
 * <p>All methods throw {@link DatabaseUnavailableException} if the database can't be reached, and {@link MillraceException} if it
 * refuses.
 */
public final class Queues {

    /** Most slots that a queue may have on one worker. */
    public static final int MAX_SLOTS = 10_000;

    /** Longest time for which history can be kept by a rule: 100 years. */
    public static final Duration MAX_KEEP = Duration.ofDays(36_500);

    private final Supervisor supervisor;
    private final String schema;

    /** Queues of the database that is supervised. */
    public Queues(Supervisor supervisor) {
        this.supervisor = supervisor;
        this.schema = supervisor.database().schema().quoted();
    }

    /**
     * All queues that have settings, a worker, or jobs, by name. Cheap at any size of the tables: available jobs are counted up to
     * 10,000 for a queue, fewer where there are many queues; other states are estimated where they fill more than 200 pages.
     */
    public List<QueueInfo> list() {
        return call("list the queues", connection -> query(connection, null));
    }

    /** One queue; one that nobody has used yet has no jobs and no settings. */
    public QueueInfo get(String name) {
        EnqueueOptions.requireQueue(name);
        return call(
                "show queue '" + name + "'",
                connection -> query(connection, name).get(0));
    }

    /** Stops the claiming of its jobs, everywhere and at once; jobs that run go on. Pausing again changes nothing. */
    public void pause(String name) {
        EnqueueOptions.requireQueue(name);
        call("pause queue '" + name + "'", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT " + schema + ".pause_queue(?)")) {
                statement.setString(1, name);
                return statement.execute();
            }
        });
    }

    /** Ends a pause, and wakes the workers. */
    public void resume(String name) {
        EnqueueOptions.requireQueue(name);
        call("resume queue '" + name + "'", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT " + schema + ".resume_queue(?)")) {
                statement.setString(1, name);
                return statement.execute();
            }
        });
    }

    /**
     * Sets how many jobs of the queue run at once on each worker that has it. Where these are fewer than run now, the running ones
     * go on and no more begin until then.
     *
     * @param slots 1 to 10,000; null gives it back to the workers' own settings
     * @throws IllegalArgumentException outside 1 to 10,000
     */
    public void slots(String name, @Nullable Integer slots) {
        EnqueueOptions.requireQueue(name);
        if (slots != null && (slots < 1 || slots > MAX_SLOTS)) {
            throw new IllegalArgumentException(
                    "Slots " + slots + " of queue '" + name + "' are out of range: 1 to " + MAX_SLOTS);
        }
        call("set the slots of queue '" + name + "'", connection -> {
            try (PreparedStatement statement =
                    connection.prepareStatement("SELECT " + schema + ".set_queue_slots(?, ?)")) {
                statement.setString(1, name);
                statement.setObject(2, slots, Types.INTEGER);
                return statement.execute();
            }
        });
    }

    /** All rules for how long history is kept, those for all queues first. */
    public List<RetentionRule> retention() {
        return call("read the retention", connection -> {
            List<RetentionRule> rules = new ArrayList<>();
            try (PreparedStatement statement = connection.prepareStatement(
                            "SELECT queue, state, (extract(epoch FROM keep) * 1000)::bigint FROM " + schema
                                    + ".retention ORDER BY queue, state");
                    ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    String queue = row.getString(1);
                    rules.add(new RetentionRule(
                            queue.isEmpty() ? null : queue,
                            JobState.ofSql(row.getString(2)),
                            Duration.ofMillis(row.getLong(3))));
                }
            }
            return rules;
        });
    }

    /**
     * Sets how long jobs are kept after they have ended, at least. Most of them go with their whole day (UTC), a day later at most.
     *
     * @param queue null for every queue without a rule of its own for the state
     * @param state completed, cancelled or discarded
     * @param keep zero: deleted when they end, without a trace. Null takes the rule of a queue away
     * @throws IllegalArgumentException if the state is not final, the time is negative or above 100 years, or null for all queues
     */
    public void retention(@Nullable String queue, JobState state, @Nullable Duration keep) {
        if (queue != null) {
            EnqueueOptions.requireQueue(queue);
        }
        if (!state.isFinal()) {
            throw new IllegalArgumentException(
                    "Jobs in state " + state.sql() + " are not history: use completed, cancelled or discarded");
        }
        if (keep == null && queue == null) {
            throw new IllegalArgumentException(
                    "All queues need a rule for state " + state.sql() + ": give a time to keep");
        }
        if (keep != null && (keep.isNegative() || keep.compareTo(MAX_KEEP) > 0)) {
            throw new IllegalArgumentException("Retention " + keep + " is out of range: 0 to " + MAX_KEEP);
        }
        call("set the retention", connection -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT " + schema + ".set_retention(?, ?, ? * interval '1 millisecond')")) {
                statement.setString(1, queue);
                statement.setString(2, state.sql());
                // Less than a millisecond is not nothing.
                statement.setObject(
                        3, keep == null ? null : keep.plusNanos(999_999).toMillis(), Types.BIGINT);
                return statement.execute();
            }
        });
    }

    private List<QueueInfo> query(Connection connection, @Nullable String only) throws SQLException {
        List<QueueInfo> queues = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT *, (extract(epoch FROM clock_timestamp() - oldest_due_at) * 1000)::bigint AS lag FROM " + schema
                        + ".list_queues(?)")) {
            statement.setString(1, only);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    queues.add(info(row));
                }
            }
        }
        return queues;
    }

    private static QueueInfo info(ResultSet row) throws SQLException {
        Map<JobState, Long> jobs = new EnumMap<>(JobState.class);
        for (JobState state : JobState.values()) {
            jobs.put(state, row.getLong(state.sql()));
        }
        int slots = row.getInt("slots");
        Integer set = row.wasNull() ? null : slots;
        long millis = row.getLong("lag");
        Duration lag = row.wasNull() ? null : Duration.ofMillis(Math.max(0, millis));
        return new QueueInfo(
                row.getString("name"),
                instant(row, "paused_at"),
                set,
                jobs,
                row.getBoolean("available_capped"),
                row.getBoolean("estimated"),
                instant(row, "oldest_due_at"),
                lag,
                row.getLong("workers"),
                row.getLong("worker_slots"),
                row.getLong("busy"),
                row.getLong("finished_last_minute"),
                row.getLong("failed_last_minute"));
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        OffsetDateTime moment = row.getObject(column, OffsetDateTime.class);
        return moment == null ? null : moment.toInstant();
    }

    private <T> T call(String what, SqlFunction<T> work) {
        try {
            return supervisor.work(work);
        } catch (SQLException failure) {
            FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
            String message = "Could not " + what + ": " + Faults.brief(failure);
            if (fault.losesConnection() || fault == FaultClass.OVERLOAD) {
                throw DatabaseUnavailableException.during(supervisor, message, failure, true);
            }
            throw new MillraceException(message, failure);
        }
    }
}
