package dev.millrace.worker.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Sorted latencies. Immutable. */
final class Latencies {

    private final long[] nanos;

    Latencies(long[] nanos) {
        this.nanos = nanos.clone();
        Arrays.sort(this.nanos);
    }

    /** The smallest value that this share of all values does not exceed, in milliseconds. */
    double millis(double share) {
        int index = (int) Math.ceil(share * nanos.length) - 1;
        return nanos[Math.max(0, index)] / 1e6;
    }

    Map<String, Object> summary() {
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("p50", rounded(millis(0.50)));
        summary.put("p95", rounded(millis(0.95)));
        summary.put("p99", rounded(millis(0.99)));
        summary.put("max", rounded(millis(1)));
        return summary;
    }

    static double rounded(double value) {
        return Math.round(value * 100) / 100.0;
    }
}
