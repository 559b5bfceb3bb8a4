package dev.millrace.worker.bench;

/**
 * Under what is measured.
 *
 * @param processes worker processes; 0 for a worker in this one
 * @param slots jobs at once on each worker
 * @param keepHistory whether completed jobs are kept
 * @param heldSnapshot whether a transaction holds its snapshot for as long as the workers run
 * @param history completed jobs that are there beforehand
 * @param running jobs of another worker that run meanwhile
 * @param future jobs that are scheduled for later
 */
public record Conditions(
        int processes, int slots, boolean keepHistory, boolean heldSnapshot, int history, int running, int future) {

    private static final int MOST_ROWS = 1_000_000_000;

    public Conditions {
        Range.require("processes", processes, 0, 256);
        Range.require("slots", slots, 1, 10_000);
        Range.require("history", history, 0, MOST_ROWS);
        Range.require("running jobs", running, 0, MOST_ROWS);
        Range.require("future jobs", future, 0, MOST_ROWS);
    }
}
