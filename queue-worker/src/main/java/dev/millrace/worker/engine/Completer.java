package dev.millrace.worker.engine;

import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Plans;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes outcomes in batches. Natural batching: while one flush is under way the next batch gathers, so that an idle system
 * completes at once and a busy one in thousands, without a timer. Handlers wait when it falls behind. A flush whose answer was
 * lost is repeated: the fence makes that harmless. Thread-safe.
 */
final class Completer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Completer.class);

    private static final int BATCH = 5_000;
    private static final int BOUND = 20_000;
    /** What is large is written, and waited for, in smaller numbers; a single outcome may be larger. */
    private static final long BATCH_CHARS = 8 << 20;

    private static final long BOUND_CHARS = 4 * BATCH_CHARS;
    /** Enough to find one locked row in a batch by halving it. */
    private static final int MOST_TIMEOUTS = 14;

    private static final Duration IDLE = Duration.ofHours(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);

    private final Supervisor supervisor;
    private final JobTable table;
    private final Leases leases;
    private final AttemptError errors;
    private final JobEvents events;
    private final Activity activity;
    private final Runnable onDueSoon;
    private final SupervisedLoop loop;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    private final Condition drained = lock.newCondition();
    private List<Outcome> pending = new ArrayList<>();
    private long pendingChars;
    private List<Outcome> flushing = List.of();
    private boolean abandoned;
    /** Of the flush that is under way: what needs no more writing. Used by the loop alone, as is the count of time-outs. */
    private final Set<Outcome> settled = Collections.newSetFromMap(new IdentityHashMap<>());

    private int timeouts;

    /**
     * A completer that does not write yet.
     *
     * @param activity takes note of what has been written
     * @param onDueSoon is called where jobs were put off so briefly that the leader has to be told
     */
    Completer(
            Supervisor supervisor,
            JobTable table,
            Leases leases,
            AttemptError errors,
            JobEvents events,
            Activity activity,
            Runnable onDueSoon) {
        this.supervisor = supervisor;
        this.table = table;
        this.leases = leases;
        this.errors = errors;
        this.events = events;
        this.activity = activity;
        this.onDueSoon = onDueSoon;
        this.loop = new SupervisedLoop("completer-" + supervisor.database().instance(), supervisor, this::flush);
    }

    void start() {
        loop.start();
    }

    /** Takes an outcome; waits while too many are pending, however long the database is away. */
    void submit(Outcome outcome) {
        boolean first;
        boolean interrupted = false;
        lock.lock();
        try {
            while (isFull() && !abandoned) {
                try {
                    room.await();
                } catch (InterruptedException meantForTheJob) {
                    interrupted = true;
                }
            }
            first = pending.isEmpty();
            pending.add(outcome);
            pendingChars += outcome.chars();
        } finally {
            lock.unlock();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (first) {
            loop.wake();
        }
    }

    /** Takes outcomes of jobs that no handler runs, without waiting: a close must not hang. */
    void submitWithoutWaiting(Collection<? extends Outcome> outcomes) {
        lock.lock();
        try {
            pending.addAll(outcomes);
            outcomes.forEach(outcome -> pendingChars += outcome.chars());
        } finally {
            lock.unlock();
        }
        loop.wake();
    }

    /**
     * Waits until everything submitted so far is written.
     *
     * @return false if it is not within the limit
     */
    boolean awaitDrained(Duration limit) throws InterruptedException {
        long nanos = limit.toNanos();
        lock.lock();
        try {
            while (!pending.isEmpty() || !flushing.isEmpty()) {
                if (nanos <= 0) {
                    return false;
                }
                nanos = drained.awaitNanos(nanos);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Whether handlers wait for room. */
    boolean isFull() {
        lock.lock();
        try {
            return pending.size() >= BOUND || pendingChars >= BOUND_CHARS;
        } finally {
            lock.unlock();
        }
    }

    boolean isDrained() {
        lock.lock();
        try {
            return pending.isEmpty() && flushing.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Ends without waiting for what is pending: those leases run out by themselves. */
    @Override
    public void close() {
        lock.lock();
        try {
            abandoned = true;
            room.signalAll();
        } finally {
            lock.unlock();
        }
        loop.stop();
        loop.join(CLOSE_LIMIT);
    }

    private Duration flush() throws SQLException {
        List<Outcome> batch = next();
        if (batch.isEmpty()) {
            return IDLE;
        }
        settled.clear();
        timeouts = 0;
        try {
            write(batch);
        } catch (SQLException | RuntimeException failure) {
            keepUnsettled(batch);
            throw failure;
        }
        lock.lock();
        try {
            flushing = List.of();
            if (pending.isEmpty()) {
                drained.signalAll();
                return IDLE;
            }
            return Duration.ZERO;
        } finally {
            lock.unlock();
        }
    }

    /** What was written before the failure is not written, and not counted, again. */
    private void keepUnsettled(List<Outcome> batch) {
        lock.lock();
        try {
            flushing =
                    batch.stream().filter(outcome -> !settled.contains(outcome)).toList();
        } finally {
            lock.unlock();
        }
    }

    /** What is left of the batch whose flush failed, or a new one. */
    private List<Outcome> next() {
        lock.lock();
        try {
            if (flushing.isEmpty()) {
                int count = 0;
                long chars = 0;
                while (count < pending.size() && count < BATCH && chars < BATCH_CHARS) {
                    chars += pending.get(count).chars();
                    count++;
                }
                pendingChars -= chars;
                if (count == pending.size()) {
                    flushing = pending;
                    pending = new ArrayList<>();
                } else {
                    flushing = new ArrayList<>(pending.subList(0, count));
                    pending = new ArrayList<>(pending.subList(count, pending.size()));
                }
                room.signalAll();
            }
            return flushing;
        } finally {
            lock.unlock();
        }
    }

    /**
     * A row that the database refuses, or that somebody has locked, costs its own job only: the batch is halved until the row stands
     * alone. Where everything is slow it is left to the supervisor's pacing.
     */
    private void write(List<Outcome> batch) throws SQLException {
        try {
            settle(batch, writeTogether(batch));
        } catch (SQLException failure) {
            FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
            boolean locked = fault == FaultClass.TIMED_OUT && ++timeouts <= MOST_TIMEOUTS;
            if (fault != FaultClass.CALLER && !locked) {
                throw failure;
            }
            if (batch.size() > 1) {
                write(batch.subList(0, batch.size() / 2));
                write(batch.subList(batch.size() / 2, batch.size()));
            } else if (locked) {
                postpone(batch.get(0), failure);
            } else {
                writePoisoned(batch.get(0), failure);
            }
        }
    }

    /** Behind what else is pending, which does not wait for it. */
    private void postpone(Outcome outcome, SQLException failure) {
        LOG.info(
                "The outcome of job {} can't be written yet, somebody has locked it: {}",
                outcome.job().id(),
                Faults.brief(failure));
        lock.lock();
        try {
            pending.add(outcome);
            pendingChars += outcome.chars();
        } finally {
            lock.unlock();
        }
        settled.add(outcome);
    }

    /**
     * What a batch has changed.
     *
     * @param ids jobs that were changed
     * @param cancelled those of them that were cancelled from outside, whatever their attempt came to
     */
    private record Written(Set<Long> ids, Set<Long> cancelled) {}

    private Written writeTogether(List<Outcome> batch) throws SQLException {
        List<Outcome.Finalize> finalized = select(batch, Outcome.Finalize.class);
        List<Outcome.Defer> deferred = select(batch, Outcome.Defer.class);
        List<Outcome.Release> released = select(batch, Outcome.Release.class);
        boolean oneStatement = (finalized.size() == batch.size() && table.finishesAtOnce())
                || deferred.size() == batch.size()
                || released.size() == batch.size();
        return oneStatement
                ? supervisor.work(Plans.BY_INDEX, connection -> write(connection, finalized, deferred, released))
                : supervisor.transaction(
                        Plans.BY_INDEX, connection -> write(connection, finalized, deferred, released));
    }

    private Written write(
            Connection connection,
            List<Outcome.Finalize> finalized,
            List<Outcome.Defer> deferred,
            List<Outcome.Release> released)
            throws SQLException {
        Set<Long> changed = new HashSet<>();
        Set<Long> cancelled = new HashSet<>();
        if (!finalized.isEmpty()) {
            changed.addAll(table.finish(connection, finalized));
        }
        if (!deferred.isEmpty()) {
            changed.addAll(table.defer(connection, deferred, cancelled));
        }
        if (!released.isEmpty()) {
            long[] ids =
                    released.stream().mapToLong(outcome -> outcome.job().id()).toArray();
            long[] tokens = released.stream()
                    .mapToLong(outcome -> outcome.job().token())
                    .toArray();
            changed.addAll(table.release(connection, ids, tokens, cancelled));
        }
        return new Written(changed, cancelled);
    }

    /** What the handler gave can't be stored, so the attempt has failed for that reason, told in words of ours. */
    private void writePoisoned(Outcome poisoned, SQLException refusal) throws SQLException {
        LeasedJob job = poisoned.job();
        LOG.warn("The outcome of job {} ({}) can't be stored: {}", job.id(), job.kind(), Faults.brief(refusal));
        String error = errors.of(job, "outcome_not_storable", Faults.brief(refusal));
        Outcome told = new Outcome.Finalize(job, "discarded", null, error);
        settle(List.of(told), writeTogether(List.of(told)));
    }

    private void settle(List<Outcome> batch, Written written) {
        settled.addAll(batch);
        int lost = 0;
        boolean dueSoon = false;
        for (Outcome outcome : batch) {
            Execution execution = leases.remove(outcome.job());
            if (written.ids().contains(outcome.job().id())) {
                events.accepted(
                        outcome,
                        execution,
                        written.cancelled().contains(outcome.job().id()));
            } else if (execution != null && execution.completedInTransaction()) {
                events.completed(outcome.job(), execution);
            } else {
                lost++;
                events.leaseLost(outcome.job());
                continue;
            }
            activity.ended(outcome);
            dueSoon |= outcome instanceof Outcome.Defer defer && defer.isDueSoon();
        }
        if (dueSoon) {
            onDueSoon.run();
        }
        if (lost > 0) {
            supervisor.metrics().add(ConnectionMetrics.Counter.LEASES_LOST, lost);
            supervisor.tell(new ConnectionEvent.LeaseLost(lost));
            LOG.warn(
                    "{} of {} outcomes changed nothing: their leases had ended before, or they were written already",
                    lost,
                    batch.size());
        }
    }

    private static <O extends Outcome> List<O> select(List<Outcome> batch, Class<O> type) {
        List<O> selected = new ArrayList<>();
        for (Outcome outcome : batch) {
            if (type.isInstance(outcome)) {
                selected.add(type.cast(outcome));
            }
        }
        return selected;
    }
}
