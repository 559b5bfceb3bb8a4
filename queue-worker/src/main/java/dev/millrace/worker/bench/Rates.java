package dev.millrace.worker.bench;

/** Of so many in a time. */
final class Rates {

    private Rates() {}

    /** Since a moment by {@link System#nanoTime}. */
    static double perSecond(long count, long beganNanos) {
        return count / Math.max(1e-9, (System.nanoTime() - beganNanos) / 1e9);
    }
}
