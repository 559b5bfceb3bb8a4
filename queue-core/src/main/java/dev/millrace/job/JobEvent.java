package dev.millrace.job;

import java.time.Duration;
import java.time.Instant;

/**
 * What happens to jobs in this process, for those who want to act on it. Told in order, on a thread of its own, so that a slow
 * receiver delays nothing; where more than 10,000 wait, the newest are dropped and counted. Events are a view, not a ledger: what
 * must not be missed belongs into a job. What became of an attempt is told once the database has accepted it.
 */
public sealed interface JobEvent {

    /**
     * A job was enqueued.
     *
     * @param committed false in a caller's transaction, which may yet be rolled back
     */
    record Enqueued(long id, String kind, String queue, boolean committed) implements JobEvent {}

    /**
     * Jobs were enqueued in bulk.
     *
     * @param jobs how many
     * @param committed false in a caller's transaction, which may yet be rolled back
     */
    record EnqueuedInBulk(long jobs, boolean committed) implements JobEvent {}

    /**
     * A worker has begun to claim.
     *
     * @param worker its name, as in {@code job.attempted_by}
     */
    record WorkerUp(String worker) implements JobEvent {}

    /**
     * A worker has stopped; the last event of it.
     *
     * @param worker its name
     */
    record WorkerDown(String worker) implements JobEvent {}

    /**
     * This worker, which leads, has taken jobs from workers that stopped renewing their leases: they are available again, or have
     * ended with their last attempt.
     *
     * @param jobs how many
     */
    record Rescued(int jobs) implements JobEvent {}

    /**
     * One attempt of a job.
     *
     * @param number of the attempt, from 1
     * @param most how many attempts the job has
     * @param worker its name, as in {@code job.attempted_by}
     */
    record Attempt(long id, String kind, String queue, int number, int most, String worker) {}

    /** What happens to an attempt. */
    sealed interface OfAttempt extends JobEvent {
        Attempt attempt();
    }

    /** It is leased to this worker, and waits for a slot. */
    record Claimed(Attempt attempt) implements OfAttempt {}

    /** Its handler is about to be called. */
    record Started(Attempt attempt) implements OfAttempt {}

    /**
     * The job is completed.
     *
     * @param ran how long its handler did
     */
    record Completed(Attempt attempt, Duration ran) implements OfAttempt {}

    /**
     * The attempt failed and another will follow.
     *
     * @param error the entry in {@code job.errors}, a JSON object
     * @param next when, by this process's clock
     */
    record Failed(Attempt attempt, String error, Instant next) implements OfAttempt {}

    /**
     * The last attempt failed, or the handler gave the job up.
     *
     * @param error the entry in {@code job.errors}, a JSON object
     */
    record Discarded(Attempt attempt, String error) implements OfAttempt {}

    /**
     * The handler wants the job later; the attempt does not count.
     *
     * @param next when, by this process's clock
     */
    record Snoozed(Attempt attempt, Instant next) implements OfAttempt {}

    /** The job is cancelled. */
    record Cancelled(Attempt attempt) implements OfAttempt {}

    /** The job was given back, not begun or stopped by the worker; the attempt does not count. */
    record Released(Attempt attempt) implements OfAttempt {}

    /** What came of the attempt was not accepted: the lease had ended, others may run the job. */
    record LeaseLost(Attempt attempt) implements OfAttempt {}

    /**
     * The handler did not stop when asked. Its job goes on without it; what becomes of that is told by an event of its own.
     *
     * @param ran how long by now
     */
    record Abandoned(Attempt attempt, Duration ran) implements OfAttempt {}
}
