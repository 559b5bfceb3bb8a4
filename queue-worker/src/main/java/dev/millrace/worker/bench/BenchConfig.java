package dev.millrace.worker.bench;

/**
 * What a benchmark does.
 *
 * @param jobs in the backlog that is enqueued in bulk and drained
 * @param argsBytes size of each job's arguments
 * @param slots jobs at once on the worker
 * @param singleJobs enqueued one by one, by one thread and by eight
 * @param latencySamples jobs enqueued on an idle worker, one after the other
 * @param limit whether to measure the same statements without an engine
 */
public record BenchConfig(int jobs, int argsBytes, int slots, int singleJobs, int latencySamples, boolean limit) {

    public BenchConfig {
        require("jobs", jobs, 1, 50_000_000);
        require("args bytes", argsBytes, 20, 1 << 20);
        require("slots", slots, 1, 10_000);
        require("single jobs", singleJobs, 1, 10_000_000);
        require("latency samples", latencySamples, 1, 1_000_000);
    }

    private static void require(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "Benchmark with " + what + " " + value + " is out of range: " + least + " to " + most);
        }
    }
}
