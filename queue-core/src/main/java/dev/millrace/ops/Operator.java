package dev.millrace.ops;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.LongStream;

/** Carries operations out in batches, each a transaction of its own. Thread-safe. */
final class Operator {

    /** Ids in one transaction where they were given. */
    private static final int BATCH = 1_000;

    /**
     * Jobs, of each phase, that one statement looks at for some that match: where few do, it ends long before the statement limit, and
     * the operation can be broken off.
     */
    static final int WINDOW = 10_000;

    /**
     * A job that moves between phases all the time can be met out of order, and the database ends one of two that wait for each
     * other; the batch is then begun afresh, at once, since the other one has gone on.
     */
    private static final int TRIES = 5;

    private final Supervisor supervisor;
    private final SchemaName schema;
    private final JobsFailure failures;

    Operator(Supervisor supervisor, JobsFailure failures) {
        this.supervisor = supervisor;
        this.schema = supervisor.database().schema();
        this.failures = failures;
    }

    <O extends Enum<O>> Map<Long, O> apply(Operation<O> operation, Collection<Long> ids) {
        long[] sorted =
                ids.stream().mapToLong(Long::longValue).sorted().distinct().toArray();
        Map<Long, O> outcomes = new TreeMap<>();
        for (int from = 0; from < sorted.length; from += BATCH) {
            long[] batch = Arrays.copyOfRange(sorted, from, Math.min(from + BATCH, sorted.length));
            try {
                outcomes.putAll(transaction(connection -> operation.apply(connection, schema, batch)));
            } catch (SQLException failure) {
                throw failures.changing(failure, operation.verb(), outcomes.size());
            } catch (DatabaseUnavailableException lost) {
                throw failures.changing(lost, operation.verb(), outcomes.size());
            }
        }
        return outcomes;
    }

    /**
     * Walks over the ids once, upwards, to the highest one given out when it began: so no job is met twice, and those that come to
     * match meanwhile do not make it endless.
     */
    <O extends Enum<O>> BulkResult<O> apply(Operation<O> operation, JobFilter filter, BulkOptions options) {
        Map<O, Long> counts = new EnumMap<>(operation.outcomes());
        BulkResult<O> result = new BulkResult<>(counts, 0);
        Consumer<BulkResult<?>> progress = options.progress();
        try {
            long end = supervisor.work(this::lastId);
            long last = Long.MIN_VALUE;
            long window = last;
            while (last < end && result.jobs() < options.limit()) {
                if (last == window) {
                    long from = last;
                    window = Math.min(end, supervisor.work(connection -> window(connection, filter, from)));
                }
                int size = (int) Math.min(options.batch(), options.limit() - result.jobs());
                Where next = within(filter, last, window);
                Batch<O> batch = transaction(connection -> batch(connection, operation, filter, next, size));
                last = batch.walked < size ? window : batch.lastId;
                batch.outcomes.values().forEach(outcome -> counts.merge(outcome, 1L, Long::sum));
                result = new BulkResult<>(counts, last);
                if (progress != null && (batch.walked > 0 || last < end)) {
                    progress.accept(result);
                }
            }
            return result;
        } catch (SQLException failure) {
            throw failures.changing(failure, operation.verb(), result.jobs());
        } catch (DatabaseUnavailableException lost) {
            throw failures.changing(lost, operation.verb(), result.jobs());
        }
    }

    /** The id up to which the next statement may look; as high as can be where few jobs are left. */
    long window(Connection connection, JobFilter filter, long after) throws SQLException {
        PageRequest.Place place =
                after == Long.MIN_VALUE ? null : new PageRequest.Place(JobOrder.OLDEST_FIRST, 0, after);
        Long end = new Walk(schema, filter, JobOrder.OLDEST_FIRST, place).end(connection, WINDOW);
        return end == null ? Long.MAX_VALUE : end;
    }

    static Where within(JobFilter filter, long after, long window) {
        return Where.of(filter).and("id > ?", after).and("id <= ?", window);
    }

    private record Batch<O>(int walked, long lastId, Map<Long, O> outcomes) {}

    private <O extends Enum<O>> Batch<O> batch(
            Connection connection, Operation<O> operation, JobFilter filter, Where next, int size) throws SQLException {
        long[] ids = ids(connection, next, " ORDER BY id LIMIT " + size);
        if (ids.length == 0) {
            return new Batch<>(0, 0, Map.of());
        }
        long[] held = hold(connection, filter, ids);
        Map<Long, O> outcomes = held.length == 0 ? Map.of() : operation.apply(connection, schema, held);
        return new Batch<>(ids.length, ids[ids.length - 1], outcomes);
    }

    /**
     * Locks those that still match, so that nobody's work is undone: a discarded job that another operator has retried, and that has
     * been completed since, is not retried again. One that moves to another phase meanwhile and still matches is looked for
     * again.
     */
    private long[] hold(Connection connection, JobFilter filter, long[] ids) throws SQLException {
        long[] held = {};
        long[] rest = ids;
        for (int round = 0; round < 10; round++) {
            long[] found = ids(connection, Where.of(filter).and("id = ANY (?)", rest), " ORDER BY id FOR UPDATE");
            held = LongStream.concat(Arrays.stream(held), Arrays.stream(found)).toArray();
            if (found.length == rest.length) {
                return held;
            }
            long[] missing = without(rest, found);
            rest = ids(connection, Where.of(filter).and("id = ANY (?)", missing), "");
            if (rest.length == 0) {
                return held;
            }
        }
        throw new SQLException("Jobs kept moving", "40001");
    }

    private static long[] without(long[] ids, long[] found) {
        return Arrays.stream(ids)
                .filter(id -> Arrays.binarySearch(found, id) < 0)
                .toArray();
    }

    long[] ids(Connection connection, Where where, String rest) throws SQLException {
        String sql = "SELECT id FROM " + schema.quoted() + ".job" + where.sql() + rest;
        try (PreparedStatement statement = where.prepare(connection, sql);
                ResultSet rows = statement.executeQuery()) {
            LongStream.Builder ids = LongStream.builder();
            while (rows.next()) {
                ids.add(rows.getLong(1));
            }
            return ids.build().toArray();
        }
    }

    private long lastId(Connection connection) throws SQLException {
        try (PreparedStatement statement =
                        connection.prepareStatement("SELECT last_value FROM " + schema.quoted() + ".job_seq");
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    private <T> T transaction(SqlFunction<T> work) throws SQLException {
        for (int tried = 1; ; tried++) {
            try {
                return supervisor.transaction(work);
            } catch (SQLException failure) {
                if (tried == TRIES || Faults.classify(failure, Faults.Phase.USE) != FaultClass.CONFLICT) {
                    throw failure;
                }
            }
        }
    }
}
