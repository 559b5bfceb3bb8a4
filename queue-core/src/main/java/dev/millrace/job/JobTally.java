package dev.millrace.job;

import java.util.HashMap;
import java.util.Map;

/** How many jobs there were of each queue and kind. For the library's own use. Not thread-safe. */
public final class JobTally {

    private record Sort(String queue, String kind) {}

    private static final class Sum {
        private long jobs;
    }

    private final Map<Sort, Sum> sums = new HashMap<>();
    private Sort latest = new Sort("", "");
    private Sum latestSum = new Sum();
    private long total;

    /** Some jobs more. */
    public void add(String queue, String kind, long jobs) {
        // Most bulks are of one kind: millions of jobs need not be looked up one by one.
        if (!latest.queue().equals(queue) || !latest.kind().equals(kind)) {
            latest = new Sort(queue, kind);
            latestSum = sums.computeIfAbsent(latest, unseen -> new Sum());
        }
        latestSum.jobs += jobs;
        total += jobs;
    }

    /** All together. */
    public long total() {
        return total;
    }

    /** Tells a meter each sum. */
    public void tell(JobMeter meter, JobMeter.Count what) {
        sums.forEach((sort, sum) -> meter.count(what, sort.queue(), sort.kind(), sum.jobs));
    }
}
