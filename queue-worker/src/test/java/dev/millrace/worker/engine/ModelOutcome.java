package dev.millrace.worker.engine;

import dev.millrace.job.JobState;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a worker writes of its leases, in the database and in the model. */
enum ModelOutcome {
    COMPLETE {
        @Override
        Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException {
            return finish(table, connection, leases, "completed", null);
        }

        @Override
        void apply(QueueModel model, long id) {
            model.finish(id, JobState.COMPLETED);
        }
    },
    CANCEL {
        @Override
        Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException {
            return finish(table, connection, leases, "cancelled", ERROR);
        }

        @Override
        void apply(QueueModel model, long id) {
            model.finish(id, JobState.CANCELLED);
        }
    },
    DISCARD {
        @Override
        Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException {
            return finish(table, connection, leases, "discarded", ERROR);
        }

        @Override
        void apply(QueueModel model, long id) {
            model.finish(id, JobState.DISCARDED);
        }
    },
    /** A failed attempt; the last one is discarded by the worker. */
    FAIL {
        @Override
        Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException {
            return defer(table, connection, leases, "retryable", 0, false);
        }

        @Override
        void apply(QueueModel model, long id) {
            model.defer(id, JobState.RETRYABLE, false, true);
        }
    },
    SNOOZE {
        @Override
        Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException {
            return defer(table, connection, leases, "scheduled", DAY_MICROS, true);
        }

        @Override
        void apply(QueueModel model, long id) {
            model.defer(id, JobState.SCHEDULED, true, false);
        }
    },
    RELEASE {
        @Override
        Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException {
            return table.release(
                    connection,
                    leases.stream().mapToLong(LeasedJob::id).toArray(),
                    leases.stream().mapToLong(LeasedJob::token).toArray(),
                    new HashSet<>());
        }

        @Override
        void apply(QueueModel model, long id) {
            model.release(id);
        }
    };

    private static final String ERROR = "{\"type\": \"test\"}";
    private static final long DAY_MICROS = 86_400_000_000L;

    /** Returns what really changed. */
    abstract Set<Long> write(JobTable table, Connection connection, List<LeasedJob> leases) throws SQLException;

    abstract void apply(QueueModel model, long id);

    private static Set<Long> finish(
            JobTable table, Connection connection, List<LeasedJob> leases, String state, String error)
            throws SQLException {
        return table.finish(
                connection,
                leases.stream()
                        .map(lease -> new Outcome.Finalize(lease, state, null, error))
                        .toList());
    }

    private static Set<Long> defer(
            JobTable table, Connection connection, List<LeasedJob> leases, String state, long delay, boolean refunded)
            throws SQLException {
        return table.defer(
                connection,
                leases.stream()
                        .map(lease -> new Outcome.Defer(lease, state, delay, null, refunded, null))
                        .toList(),
                new HashSet<>());
    }
}
