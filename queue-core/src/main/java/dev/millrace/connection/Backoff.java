package dev.millrace.connection;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * How long to wait before the next try: decorrelated jitter, {@code min(cap, U(base, 3 · previous))}
 * (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015), with base and cap by class of fault. Not
 * thread-safe: one owner.
 */
final class Backoff {

    private final RandomGenerator random;
    private long previousMillis;

    Backoff(RandomGenerator random) {
        this.random = random;
    }

    Duration next(FaultClass fault) {
        long base = baseMillis(fault);
        long cap = capMillis(fault);
        long upper = Math.min(cap, Math.max(base, previousMillis) * 3);
        previousMillis = base + random.nextLong(Math.max(1, upper - base));
        return Duration.ofMillis(previousMillis);
    }

    /** To be called only after proven uptime: else a flapping server gets the full rate. */
    void reset() {
        previousMillis = 0;
    }

    private static long baseMillis(FaultClass fault) {
        return switch (fault) {
            case STARTUP, FAILOVER -> 500;
            case OVERLOAD -> 2_000;
            case CONFIGURATION, SCHEMA -> 5_000;
            case CONFLICT -> 5;
            case RECONNECT, UNKNOWN_RESULT, TIMED_OUT, CALLER -> 250;
        };
    }

    private static long capMillis(FaultClass fault) {
        return switch (fault) {
            case STARTUP, FAILOVER -> 5_000;
            case OVERLOAD -> 30_000;
            case CONFIGURATION, SCHEMA -> 60_000;
            case CONFLICT -> 50;
            case RECONNECT, UNKNOWN_RESULT, TIMED_OUT, CALLER -> 10_000;
        };
    }
}
