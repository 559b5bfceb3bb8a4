package dev.millrace.worker.bench;

/**
 * What the jobs are like. Shares are in percent and independent of each other.
 *
 * @param argsBytes about the size of each job's arguments
 * @param retries jobs that fail at their first attempt, and are due again at once
 * @param scheduled jobs that are due a second after their enqueue
 * @param priorities jobs whose priority is one of 1 to 4 instead of the default
 * @param unique jobs with a unique key, each another
 */
public record JobMix(int argsBytes, int retries, int scheduled, int priorities, int unique) {

    public JobMix {
        Range.require("args bytes", argsBytes, 20, 1 << 20);
        Range.require("percent of retries", retries, 0, 100);
        Range.require("percent of scheduled jobs", scheduled, 0, 100);
        Range.require("percent of priorities", priorities, 0, 100);
        Range.require("percent of unique jobs", unique, 0, 100);
    }
}
