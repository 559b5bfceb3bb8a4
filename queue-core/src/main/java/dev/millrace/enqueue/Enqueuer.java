package dev.millrace.enqueue;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.NewJob;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import java.util.function.LongConsumer;

/** Enqueues untyped jobs; {@code Millrace} puts types on top. Thread-safe. */
public final class Enqueuer implements AutoCloseable {

    private final Supervisor supervisor;
    private final SchemaName schema;
    private final boolean notifyInCallersTransaction;
    private final JobInserts inserts;
    private final BulkInsert bulk;
    private final WakeUps wakeUps;

    public Enqueuer(Supervisor supervisor, int maxArgsBytes, boolean notifyInCallersTransaction) {
        this.supervisor = supervisor;
        this.schema = supervisor.database().schema();
        this.notifyInCallersTransaction = notifyInCallersTransaction;
        this.inserts = new JobInserts(schema, maxArgsBytes);
        this.bulk = new BulkInsert(schema, maxArgsBytes);
        this.wakeUps = new WakeUps(supervisor);
    }

    /** One job in a transaction of its own; workers are woken after the commit. */
    public long enqueue(NewJob job) {
        try {
            long id = supervisor.work(connection -> inserts.insert(connection, job, false));
            if (!job.options().isDeferred()) {
                wakeUps.wake(Set.of(job.options().queue()));
            }
            return id;
        } catch (SQLException failure) {
            throw translate(failure, "job of kind " + job.kind());
        }
    }

    /** One job in the caller's transaction: there when the caller commits, gone when it rolls back. */
    public long enqueue(Connection connection, NewJob job) {
        try {
            return inserts.insert(
                    connection,
                    job,
                    notifyInCallersTransaction && !job.options().isDeferred());
        } catch (SQLException failure) {
            throw translate(failure, "job of kind " + job.kind());
        }
    }

    /** All or none, in a transaction of its own. Ids are told in order but hold only once this returns. */
    public long enqueueAll(Iterator<NewJob> jobs, LongConsumer onId) {
        Set<String> queues = new HashSet<>();
        try {
            long count = supervisor.transaction(
                    connection -> bulk.insert(connection, jobs, onId, queues, supervisor::extend));
            wakeUps.wake(queues);
            return count;
        } catch (SQLException failure) {
            throw translate(failure, "jobs in bulk");
        }
    }

    /** All in the caller's transaction, on a connection of pgjdbc or a wrapper that unwraps to one. */
    public long enqueueAll(Connection connection, Iterator<NewJob> jobs, LongConsumer onId) {
        Set<String> queues = new HashSet<>();
        try {
            long count = bulk.insert(connection, jobs, onId, queues, same -> {});
            if (notifyInCallersTransaction) {
                for (String queue : queues) {
                    notify(connection, queue);
                }
            }
            return count;
        } catch (SQLException failure) {
            throw translate(failure, "jobs in bulk");
        }
    }

    private void notify(Connection connection, String queue) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT pg_notify(?, ?)")) {
            statement.setString(1, schema.value());
            statement.setString(2, WakeUps.payload(queue));
            statement.execute();
        }
    }

    private RuntimeException translate(SQLException failure, String what) {
        FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
        String brief = Faults.brief(failure);
        if (fault == FaultClass.SCHEMA) {
            return new EnqueueException(
                    "Could not enqueue " + what + ", schema " + schema.quoted() + " does not have the tables expected: "
                            + brief,
                    failure);
        }
        if (fault.losesConnection() || fault == FaultClass.OVERLOAD) {
            return new DatabaseUnavailableException(
                    "Could not enqueue " + what + ", the connection failed before success was known: " + brief,
                    failure);
        }
        return new EnqueueException("The database refused the " + what + ": " + brief, failure);
    }

    @Override
    public void close() {
        wakeUps.close();
    }
}
