package dev.millrace.worker.bench;

import java.time.Duration;

/**
 * How much is measured.
 *
 * @param jobs that are enqueued in bulk, and over which work is measured
 * @param backlog jobs that wait when work begins, at least {@code jobs}
 * @param singleJobs enqueued one by one, by one thread and by eight
 * @param latencySamples jobs enqueued on an idle worker, one after the other
 * @param time for which producers and workers run together
 * @param rate jobs a second that producers offer while workers run; 0 for as many as the workers take
 * @param batch jobs in one enqueue of these producers
 * @param runs of each measurement, of which the medians are reported
 */
public record Sizes(
        int jobs, int backlog, int singleJobs, int latencySamples, Duration time, int rate, int batch, int runs) {

    public Sizes {
        Range.require("jobs", jobs, 1, 50_000_000);
        Range.require("backlog", backlog, jobs, 50_000_000);
        Range.require("single jobs", singleJobs, 1, 10_000_000);
        Range.require("latency samples", latencySamples, 1, 1_000_000);
        Range.require("seconds", time.toSeconds(), 1, 3_600);
        Range.require("rate", rate, 0, 1_000_000);
        Range.require("batch", batch, 1, 100_000);
        Range.require("runs", runs, 1, 100);
    }
}
