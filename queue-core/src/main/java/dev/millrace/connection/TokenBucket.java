package dev.millrace.connection;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Bounds the rate of connection attempts, whatever the rest of the code does: {@code burst} at once, then
 * {@code perMinute} a minute. Thread-safe.
 */
final class TokenBucket {

    private final int burst;
    private final long nanosPerToken;
    private final LongSupplier nanoTime;
    private long fullAt;

    TokenBucket(int burst, int perMinute, LongSupplier nanoTime) {
        this.burst = burst;
        this.nanosPerToken = Duration.ofMinutes(1).toNanos() / perMinute;
        this.nanoTime = nanoTime;
        this.fullAt = nanoTime.getAsLong();
    }

    /** Takes a token and returns zero, or takes none and returns how long until there is one. */
    synchronized Duration take() {
        long now = nanoTime.getAsLong();
        if (fullAt - now < 0) {
            fullAt = now;
        }
        long missing = fullAt - now;
        long room = (burst - 1) * nanosPerToken - missing;
        if (room >= 0) {
            fullAt += nanosPerToken;
            return Duration.ZERO;
        }
        return Duration.ofNanos(-room);
    }
}
