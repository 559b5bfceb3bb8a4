package dev.millrace.worker.engine;

/**
 * Notices when the server's wall clock is set, or the machine of one of the two slept: by the distance between that clock and the
 * monotonic one of this process. Used by one thread.
 */
final class ServerClock {

    /** What a clock that is only slewed, or an answer that is only late, stays below. */
    private static final long TOLERATED_MICROS = 1_000_000;

    private boolean known;
    private long leastDistance;
    private long mostDistance;

    /**
     * Takes note of what the server's clock showed between two moments of {@link System#nanoTime}; returns whether it was set by
     * more than a second since the last time.
     */
    boolean wasSet(long serverMicros, long sentNanos, long receivedNanos) {
        long least = serverMicros - receivedNanos / 1_000;
        long most = serverMicros - sentNanos / 1_000;
        boolean set = known && (least - mostDistance > TOLERATED_MICROS || leastDistance - most > TOLERATED_MICROS);
        known = true;
        leastDistance = least;
        mostDistance = most;
        return set;
    }
}
