package dev.millrace.worker.dashboard;

import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is made at most once in an interval, however many look at it, and not at all while nobody does. A failure is kept as long as a
 * value, so that those who wait are not each made to wait for their own. Thread-safe.
 */
final class Cached<T> {

    private final long freshNanos;
    private final Supplier<T> source;
    private @Nullable T value;
    private @Nullable RuntimeException failure;
    private long madeNanos;

    Cached(Duration fresh, Supplier<T> source) {
        this.freshNanos = fresh.toNanos();
        this.source = source;
    }

    /** The value; throws what the source threw. */
    synchronized T get() {
        if ((value == null && failure == null) || System.nanoTime() - madeNanos > freshNanos) {
            value = null;
            failure = null;
            try {
                value = source.get();
            } catch (RuntimeException thrown) {
                failure = thrown;
            }
            // After the work: what takes longer than the interval is not begun anew by each of those who wait.
            madeNanos = System.nanoTime();
        }
        if (value == null) {
            throw failure == null ? new IllegalStateException("The source gave nothing") : failure;
        }
        return value;
    }

    /** The next one who asks gets a new one: something was changed. */
    synchronized void forget() {
        value = null;
        failure = null;
    }
}
