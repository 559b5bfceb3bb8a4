package dev.millrace.enqueue;

import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JobTally;
import dev.millrace.job.NewJob;
import dev.millrace.job.Unique;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Enqueues untyped jobs; {@code Millrace} puts types on top. Thread-safe. */
public final class Enqueuer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Enqueuer.class);

    private final Supervisor supervisor;
    private final SchemaName schema;
    private final boolean notifyInCallersTransaction;
    private final JobInserts inserts;
    private final UniqueInserts uniques;
    private final BulkInsert bulk;
    private final WakeUps wakeUps;
    private final ReservedIds ids;
    private final LostAnswer lostAnswer;

    public Enqueuer(Supervisor supervisor, int maxArgsBytes, boolean notifyInCallersTransaction) {
        this.supervisor = supervisor;
        this.schema = supervisor.database().schema();
        this.notifyInCallersTransaction = notifyInCallersTransaction;
        this.inserts = new JobInserts(schema, maxArgsBytes);
        this.uniques = new UniqueInserts(schema, maxArgsBytes);
        this.bulk = new BulkInsert(schema, maxArgsBytes, uniques);
        this.ids = new ReservedIds(schema);
        this.lostAnswer = new LostAnswer(supervisor, schema);
        this.wakeUps = new WakeUps(supervisor);
    }

    /**
     * One job in a transaction of its own; workers are woken after the commit. Where the answer of the insert is lost, the job
     * is looked up.
     */
    public Enqueued enqueue(NewJob job) {
        Attempt attempt = new Attempt(job.options().queue());
        Set<String> words = new HashSet<>();
        Enqueued enqueued;
        try {
            enqueued = supervisor.work(connection -> {
                long id = ids.take(connection);
                attempt.began(id, connection);
                return insert(connection, job, id, false, supervisor.keepsPlans(), words);
            });
        } catch (SQLException failure) {
            requireCommitted(attempt, failure, "job of kind " + job.kind(), mayChangeAnother(job));
            enqueued = new Enqueued(attempt.id, Enqueued.Outcome.INSERTED);
            words.addAll(WakeUps.guessed(job.options()));
        }
        if (enqueued.isInserted()) {
            wakeUps.wake(words);
        }
        return enqueued;
    }

    /** Inserts or offers a job, and adds what its producer is to tell after the commit. */
    private Enqueued insert(
            Connection connection, NewJob job, @Nullable Long id, boolean notify, boolean plansKept, Set<String> words)
            throws SQLException {
        if (job.options().unique() != null) {
            words.addAll(WakeUps.guessed(job.options()));
            return uniques.offer(connection, List.of(job), id == null ? null : List.of(id), notify)
                    .get(0);
        }
        JobInserts.Inserted inserted = inserts.insert(connection, job, id, notify, plansKept);
        if (inserted.word() != null) {
            words.add(inserted.word());
        }
        return new Enqueued(inserted.id(), Enqueued.Outcome.INSERTED);
    }

    /** The first id of an insert and the session it was sent on, once it was begun. */
    private static final class Attempt {
        private long id;
        private LostAnswer.@Nullable Session session;
        /** All jobs are there, so a commit may have been sent. */
        private boolean complete;

        private final @Nullable String queue;

        /**
         * An insert that has not begun.
         *
         * @param queue of its job; null where it has several
         */
        Attempt(@Nullable String queue) {
            this.queue = queue;
        }

        void began(long first, Connection connection) throws SQLException {
            id = first;
            session = LostAnswer.Session.of(connection);
        }
    }

    /** Whether the job may have changed one that waits instead of being inserted, which nothing tells afterwards. */
    private static boolean mayChangeAnother(NewJob job) {
        Unique unique = job.options().unique();
        return unique != null && unique.onConflict() != Unique.OnConflict.SKIP;
    }

    /**
     * Returns if the insert was committed although it failed; throws what is to be said otherwise.
     *
     * @param traceless whether it may have been committed without leaving the job
     */
    private void requireCommitted(Attempt attempt, SQLException failure, String what, boolean traceless) {
        FaultClass fault = Faults.classify(failure, Faults.Phase.COMMIT);
        if (attempt.id == 0 || !fault.losesConnection()) {
            throw translate(failure, what);
        }
        supervisor.metrics().add(ConnectionMetrics.Counter.UNKNOWN_RESULTS);
        LostAnswer.Outcome found = lostAnswer.of(attempt.id, attempt.queue, attempt.session);
        switch (found == LostAnswer.Outcome.NOT_COMMITTED && traceless ? LostAnswer.Outcome.UNKNOWN : found) {
            case COMMITTED -> LOG.debug("Job {} was committed though its answer was lost", attempt.id, failure);
            case NOT_COMMITTED -> throw translate(failure, what);
            case UNKNOWN ->
                throw DatabaseUnavailableException.during(
                        supervisor,
                        "Nobody knows whether the " + what + " with id " + attempt.id
                                + " was enqueued: the connection failed and the database could not tell: "
                                + Faults.brief(failure),
                        failure,
                        true);
        }
    }

    /** One job in the caller's transaction: there when the caller commits, gone when it rolls back. */
    public Enqueued enqueue(Connection connection, NewJob job) {
        try {
            return insert(connection, job, null, notifyInCallersTransaction, false, new HashSet<>());
        } catch (SQLException failure) {
            throw translate(failure, "job of kind " + job.kind());
        }
    }

    /** All or none, in a transaction of its own; returns what was inserted. Ids are told in order but hold only once this returns. */
    public JobTally enqueueAll(Iterator<NewJob> jobs, LongConsumer onId) {
        Set<String> words = new HashSet<>();
        Attempt attempt = new Attempt(null);
        JobTally inserted = new JobTally();
        try {
            supervisor.transaction(connection -> {
                bulk.insert(connection, jobs, true, onId, inserted, words, (same, some) -> {
                    if (attempt.id == 0) {
                        attempt.began(some, same);
                    }
                    supervisor.extend(same);
                });
                attempt.complete = true;
                return inserted;
            });
        } catch (SQLException failure) {
            if (!attempt.complete) {
                throw translate(failure, "jobs in bulk");
            }
            requireCommitted(attempt, failure, "jobs in bulk", false);
        }
        wakeUps.wake(words);
        return inserted;
    }

    /** All in the caller's transaction, on a connection of pgjdbc or a wrapper that unwraps to one. */
    public JobTally enqueueAll(Connection connection, Iterator<NewJob> jobs, LongConsumer onId) {
        Set<String> words = new HashSet<>();
        try {
            JobTally inserted = new JobTally();
            bulk.insert(connection, jobs, false, onId, inserted, words, (same, some) -> {});
            if (notifyInCallersTransaction && !words.isEmpty()) {
                wakeUps.send(connection, words.toArray(new String[0]));
            }
            return inserted;
        } catch (SQLException failure) {
            throw translate(failure, "jobs in bulk");
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
            return DatabaseUnavailableException.during(
                    supervisor, "Could not enqueue " + what + ", nothing was inserted: " + brief, failure, false);
        }
        return new EnqueueException("The database refused the " + what + ": " + brief, failure);
    }

    @Override
    public void close() {
        wakeUps.close();
    }
}
