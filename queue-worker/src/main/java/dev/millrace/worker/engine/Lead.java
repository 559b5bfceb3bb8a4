package dev.millrace.worker.engine;

import java.time.Duration;

/**
 * What this worker knows of its lead. It counts from before the renewal that was acknowledged was sent, by the monotonic clock
 * alone, so here the lead ends no later than in the database. Thread-safe; written by one thread.
 */
final class Lead {

    private final Duration length;
    private volatile long term;
    private volatile long renewedNanos;

    Lead(Duration length) {
        this.length = length;
    }

    Duration length() {
        return length;
    }

    /** Takes note of a renewal; returns whether the lead is a new one. */
    boolean renewed(long newTerm, long sentNanos) {
        boolean gained = term != newTerm;
        renewedNanos = sentNanos;
        term = newTerm;
        return gained;
    }

    void lost() {
        term = 0;
    }

    /** Grows with each change of hands; what acts under it names it. Zero where there was no lead. */
    long term() {
        return term;
    }

    boolean isHeld() {
        return term != 0 && System.nanoTime() - renewedNanos < length.toNanos();
    }

    /** Whether a third of it is over. */
    boolean isRenewalDue(long nowNanos) {
        return term == 0 || nowNanos - renewedNanos > length.toNanos() / 3;
    }
}
