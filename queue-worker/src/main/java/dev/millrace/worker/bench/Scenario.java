package dev.millrace.worker.bench;

/** What can be measured. */
public enum Scenario {
    /** Producers alone: one by one from one thread and from eight, and in bulk. */
    ENQUEUE,
    /** Workers alone, on a backlog. */
    WORK,
    /** Producers and workers together, for a time. */
    STEADY,
    /** From just before the enqueue until the handler starts: on an idle worker, and at half of the work rate. */
    LATENCY
}
