package dev.millrace.job;

import java.time.Duration;

/**
 * Is told every time, on the thread where it happens, what is to be counted and measured of jobs; unlike a {@link JobEvent},
 * which a slow receiver misses. It must be quick and safe for use by many threads; what it throws is logged once and otherwise
 * ignored.
 */
public interface JobMeter {

    /** What is counted. What became of an attempt is counted once the database has accepted it. */
    enum Count {
        /** Inserted by this process; in a caller's transaction, which may yet be rolled back, as well. */
        ENQUEUED,
        /** A handler is about to be called. */
        STARTED,
        COMPLETED,
        /** The attempt failed, whether or not another follows: what is {@link #RETRIED} and what is {@link #DISCARDED}. */
        FAILED,
        /** The attempt failed and another follows. */
        RETRIED,
        /** The last attempt failed, or the handler gave the job up. */
        DISCARDED,
        SNOOZED,
        CANCELLED,
        /** Given back, not begun or stopped by the worker. */
        RELEASED,
        /** What came of the attempt was not accepted, because the lease had ended. */
        LEASE_LOST,
        /** The handler did not stop when asked; what becomes of the job is counted besides. */
        ABANDONED,
        /** Taken from a worker that stopped renewing its lease, by this one while it led. */
        RESCUED,
        /** Became due and available, moved by this worker while it led. */
        PROMOTED
    }

    /** What maintenance does to the history of ended jobs, on the worker that leads. */
    enum History {
        /** Rows deleted one by one because their retention was over. */
        ROWS_DELETED,
        /** Rows moved aside because they are kept for longer than the day they were in. */
        ROWS_MOVED,
        /** Days dropped, each with all its rows. */
        DAYS_DROPPED,
        /** Days created ahead of their time. */
        DAYS_PREPARED
    }

    /**
     * So many jobs more.
     *
     * @param jobs at least one
     */
    void count(Count what, String queue, String kind, long jobs);

    /**
     * So many rows or days more; by default ignored.
     *
     * @param amount at least one
     */
    default void count(History what, long amount) {}

    /** A job has waited this long, from when it was due until its handler is called. */
    void waited(String queue, String kind, Duration time);

    /** A handler has run this long, whatever came of it. */
    void ran(String queue, String kind, Duration time);
}
