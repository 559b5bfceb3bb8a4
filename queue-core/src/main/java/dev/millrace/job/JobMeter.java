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

    /**
     * So many jobs more.
     *
     * @param jobs at least one
     */
    void count(Count what, String queue, String kind, long jobs);

    /** A job has waited this long, from when it was due until its handler is called. */
    void waited(String queue, String kind, Duration time);

    /** A handler has run this long, whatever came of it. */
    void ran(String queue, String kind, Duration time);
}
