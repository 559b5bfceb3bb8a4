package dev.millrace.ops;

import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.ArgsCodec;
import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Looks at jobs and operates on them: by id, or all that a filter matches. Thread-safe; lives as long as its {@code Millrace}.
 *
 * <p>Operations on given ids answer for each; ids given twice are answered once. More than 1,000 are done in batches of that, each
 * in a transaction of its own.
 *
 * <p>Operations by filter walk over the ids once, upwards, in batches that are each a transaction of its own; so each job is met at
 * most once, jobs enqueued after the call began are left alone unless their transaction was open by then, and where it breaks off, what
 * was done stays done. A batch looks at 10,000 jobs or so, however few match, so its statements are short at any size of the tables. A
 * job is changed only if it still matches when its row is locked: of two operators at once, the second finds nothing left to do.
 * Neither waits for the other for longer than a batch takes.
 *
 * <p>All methods throw {@link JobsException} if the database refuses or the statement limit is over, and {@link
 * dev.millrace.connection.DatabaseUnavailableException} if it can't be reached; then the batch that was under way may or may not
 * have been committed, and those before it were.
 */
public final class Jobs {

    private final Supervisor supervisor;
    private final ArgsCodec codec;
    private final int maxArgsBytes;
    private final JobQueries queries;
    private final JobsFailure failures;
    private final Operator operator;

    /** For {@code Millrace}, which users ask for its one instance. */
    public Jobs(Supervisor supervisor, ArgsCodec codec, int maxArgsBytes) {
        this.supervisor = supervisor;
        this.codec = codec;
        this.maxArgsBytes = maxArgsBytes;
        this.queries = new JobQueries(supervisor.database().schema());
        this.failures = new JobsFailure(supervisor);
        this.operator = new Operator(supervisor, failures);
    }

    /** All that is known of one job; empty if there is none of that id. */
    public Optional<JobDetails> get(long id) {
        return read("read job " + id, connection -> queries.get(connection, id));
    }

    /** The first 100 jobs that match, newest first. */
    public JobPage list(JobFilter filter) {
        return list(filter, PageRequest.FIRST);
    }

    /**
     * A page of the jobs that match. Pages go on from the last job shown, not by number: what is enqueued or ends meanwhile neither
     * repeats nor hides another job.
     */
    public JobPage list(JobFilter filter, PageRequest page) {
        return read("list jobs", connection -> queries.list(connection, filter, page));
    }

    /** How many match, exactly: reads each of them, so it suits up to some millions. */
    public long count(JobFilter filter) {
        return read("count jobs", connection -> queries.count(connection, filter));
    }

    /**
     * How many match, or the cap if they are more: reads no more than that many of them.
     *
     * @throws IllegalArgumentException for a cap below 1
     */
    public long countUpTo(JobFilter filter, long cap) {
        if (cap < 1) {
            throw new IllegalArgumentException("Cap " + cap + " is out of range: 1 or more");
        }
        return read("count jobs", connection -> queries.countUpTo(connection, filter, cap));
    }

    /**
     * How many match among the newest jobs of the states asked for and of those that share their partitions. Reads no more than so
     * many, however few match, where {@link #countUpTo} goes on until it has found enough.
     *
     * @throws IllegalArgumentException outside 1 to 1,000,000
     */
    public JobCount countAmong(JobFilter filter, int newest) {
        JobQueries.requireReading(newest);
        return read("count jobs", connection -> queries.countAmong(connection, filter, newest));
    }

    /**
     * How many match as far as the statistics tell, in a millisecond or so whatever the number. Good for whole states of a table that
     * autovacuum has seen lately, rough for conditions on kind, queue or time, a guess for tags, args and errors; small numbers are
     * overestimated.
     */
    public long estimate(JobFilter filter) {
        return read("estimate the number of jobs", connection -> queries.estimate(connection, filter));
    }

    /** Cancels one job: at once if it waits; if it runs, its handler is asked to stop. */
    public CancelOutcome cancel(long id) {
        return one(id, cancel(List.of(id)));
    }

    /** As {@link #cancel(long)}, for many. */
    public Map<Long, CancelOutcome> cancel(Collection<Long> ids) {
        return operator.apply(Operation.CANCEL, ids);
    }

    /** As {@link #cancel(long)}, for all that match. */
    public BulkResult<CancelOutcome> cancel(JobFilter filter, BulkOptions options) {
        return operator.apply(Operation.CANCEL, filter, options);
    }

    /**
     * Makes one job available now, be it final, failed or not yet due. Errors and attempts stay on record; one that has used its
     * attempts up has one more. With a filter of {@link JobFilter#DEAD} this redrives dead letters.
     */
    public RetryOutcome retry(long id) {
        return one(id, retry(List.of(id)));
    }

    /** As {@link #retry(long)}, for many. */
    public Map<Long, RetryOutcome> retry(Collection<Long> ids) {
        return operator.apply(Operation.RETRY, ids);
    }

    /** As {@link #retry(long)}, for all that match. A filter that names no states matches completed jobs too, which then run again. */
    public BulkResult<RetryOutcome> retry(JobFilter filter, BulkOptions options) {
        return operator.apply(Operation.RETRY, filter, options);
    }

    /** Deletes one job that does not run, with its history. */
    public DeleteOutcome delete(long id) {
        return one(id, delete(List.of(id)));
    }

    /** As {@link #delete(long)}, for many. */
    public Map<Long, DeleteOutcome> delete(Collection<Long> ids) {
        return operator.apply(Operation.DELETE, ids);
    }

    /** As {@link #delete(long)}, for all that match. */
    public BulkResult<DeleteOutcome> delete(JobFilter filter, BulkOptions options) {
        return operator.apply(Operation.DELETE, filter, options);
    }

    /**
     * Changes one job that waits. It keeps its place unless queue, priority or time are changed; its unique key stays what it was.
     *
     * @throws dev.millrace.job.ArgsException if the arguments can't be written or are too large
     */
    public EditOutcome edit(long id, JobEdit edit) {
        return one(id, edit(List.of(id), edit));
    }

    /** As {@link #edit(long, JobEdit)}, for many. */
    public Map<Long, EditOutcome> edit(Collection<Long> ids, JobEdit edit) {
        return operator.apply(operation(edit), ids);
    }

    /** As {@link #edit(long, JobEdit)}, for all that match. */
    public BulkResult<EditOutcome> edit(JobFilter filter, JobEdit edit, BulkOptions options) {
        return operator.apply(operation(edit), filter, options);
    }

    private Operation<EditOutcome> operation(JobEdit edit) {
        return Operation.edit(edit.json(codec, maxArgsBytes), edit.delayMicros());
    }

    private static <O> O one(long id, Map<Long, O> outcomes) {
        return Objects.requireNonNull(outcomes.get(id));
    }

    private <T> T read(String what, SqlFunction<T> query) {
        try {
            return supervisor.work(query);
        } catch (SQLException failure) {
            throw failures.reading(failure, what);
        }
    }
}
