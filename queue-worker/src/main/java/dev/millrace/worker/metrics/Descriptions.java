package dev.millrace.worker.metrics;

import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.job.JobMeter;

/** What each figure is, in a few words, for those who see nothing but a scrape; {@code docs/metrics.md} says more. */
final class Descriptions {

    private Descriptions() {}

    static String of(JobMeter.Count what) {
        return switch (what) {
            case ENQUEUED -> "Jobs inserted by this process";
            case STARTED -> "Attempts whose handler was called";
            case COMPLETED -> "Jobs completed";
            case FAILED -> "Attempts that failed: those retried and those discarded";
            case RETRIED -> "Attempts that failed, and another follows";
            case DISCARDED -> "Jobs whose last attempt failed, or which their handler gave up";
            case SNOOZED -> "Attempts that ended in a snooze";
            case CANCELLED -> "Jobs cancelled while this worker had them";
            case RELEASED -> "Jobs given back, not begun or stopped by the worker";
            case LEASE_LOST -> "Attempts whose outcome was not accepted; should stay at zero";
            case ABANDONED -> "Handlers that did not stop when asked; each keeps a slot";
            case RESCUED -> "Jobs taken from dead workers by this one while it led";
            case PROMOTED -> "Jobs that became due, moved by this worker while it led";
        };
    }

    static String of(JobMeter.History what) {
        return switch (what) {
            case ROWS_DELETED -> "Rows of history deleted one by one";
            case ROWS_MOVED -> "Rows of history moved aside because they are kept longer than their day";
            case DAYS_DROPPED -> "Days of history dropped";
            case DAYS_PREPARED -> "Days of history created ahead";
        };
    }

    static String of(ConnectionMetrics.Counter what) {
        return switch (what) {
            case CONNECT_ATTEMPTS -> "Attempts to open a connection";
            case CONNECT_FAILURES -> "Attempts to open a connection that failed, by the class of the fault";
            case OUTAGES -> "Times that the database became unusable";
            case WATCHDOG_KILLS -> "Connections killed because an operation ran past its limit";
            case STALE_EPOCH_EVENTS -> "Late news of connections given up before";
            case SPIN_GUARD_TRIPS -> "Loops that had to be slowed down: a defect of Millrace";
            case LEAKED_CONNECTIONS -> "Connections that handlers kept past their limit";
            case IDLE_IN_TRANSACTION_KILLS -> "Sessions that the server ended because they idled in a transaction";
            case HEARTBEAT_FAILURES -> "Heartbeats that failed";
            case LEASES_ABANDONED -> "Running jobs told to stop because the lease could not be renewed";
            case LEASES_LOST -> "Outcomes that were not accepted";
            case LOG_LINES_SUPPRESSED -> "Warnings folded into a later one";
            case CLOSE_ERRORS -> "Errors of closing";
            case EVENTS_DROPPED -> "Events that a slow receiver missed";
            case EVENT_RECEIVER_FAILURES -> "What receivers of events threw";
            case HANDLERS_ABANDONED -> "Handlers that did not stop when asked";
            case UNKNOWN_RESULTS -> "Commits whose answer was lost, and which were looked up";
        };
    }

    static String of(ConnectionMetrics.Timer what) {
        return switch (what) {
            case CONNECT -> "Connecting";
            case OUTAGE -> "Outages, from the loss until the database is usable";
            case DETECTION -> "From the last sign of life to noticing the loss";
            case POOL_WAIT -> "Waiting for a connection of the pool";
            case NOTIFY_ROUND_TRIP -> "From sending a notification to ourselves to getting it";
        };
    }
}
