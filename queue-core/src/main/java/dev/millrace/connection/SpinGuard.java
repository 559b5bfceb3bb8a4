package dev.millrace.connection;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * The last line against a loop that goes round without waiting, whatever the mistake that makes it: past so many rounds in a
 * window it must pause. Not thread-safe: one loop.
 */
final class SpinGuard {

    private final int rounds;
    private final long windowNanos;
    private final Duration pause;
    private final LongSupplier nanoTime;
    private long windowBegan;
    private int seen;

    /** At most {@code rounds} in each window without a pause. */
    SpinGuard(int rounds, Duration window, Duration pause, LongSupplier nanoTime) {
        this.rounds = rounds;
        this.windowNanos = window.toNanos();
        this.pause = pause;
        this.nanoTime = nanoTime;
        this.windowBegan = nanoTime.getAsLong();
    }

    /** Counts a round; returns how long the loop must pause, which is zero for a loop in its right mind. */
    Duration round() {
        long now = nanoTime.getAsLong();
        if (now - windowBegan > windowNanos) {
            windowBegan = now;
            seen = 0;
        }
        if (++seen <= rounds) {
            return Duration.ZERO;
        }
        seen = 0;
        windowBegan = now;
        return pause;
    }
}
