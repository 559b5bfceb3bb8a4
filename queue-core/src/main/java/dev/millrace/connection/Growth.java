package dev.millrace.connection;

import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/**
 * Paces and bounds the growth of the work pool. Each connect needs a token; after one that failed there is none until the
 * back-off of its class is over. Where the server has no connections left, the target halves, and grows by one for each half
 * minute without such a refusal (additive increase, multiplicative decrease: Chiu and Jain, 1989). Thread-safe.
 */
final class Growth {

    private static final long INCREASE_NANOS = Duration.ofSeconds(30).toNanos();
    private static final int PER_MINUTE = 60;

    private final int maximum;
    private final LongSupplier nanoTime;
    private final TokenBucket tokens;
    private final Backoff backoff;
    private int target;
    private long changedNanos;
    private long notBeforeNanos;

    Growth(int maximum, RandomGenerator random, LongSupplier nanoTime) {
        this.maximum = maximum;
        this.nanoTime = nanoTime;
        this.tokens = new TokenBucket(maximum, PER_MINUTE, nanoTime);
        this.backoff = new Backoff(random);
        this.target = maximum;
        this.notBeforeNanos = nanoTime.getAsLong();
    }

    /** Takes a token and returns zero, or takes none and returns how long until it is worth asking again. */
    synchronized Duration take() {
        long wait = notBeforeNanos - nanoTime.getAsLong();
        return wait > 0 ? Duration.ofNanos(wait) : tokens.take();
    }

    /** A connect succeeded, or the database has just become usable: what failed before says nothing any more. */
    synchronized void opened() {
        backoff.reset();
        notBeforeNanos = nanoTime.getAsLong();
    }

    synchronized void failed(FaultClass fault, boolean noConnectionsLeft) {
        long now = nanoTime.getAsLong();
        notBeforeNanos = now + backoff.next(fault).toNanos();
        if (noConnectionsLeft) {
            target = Math.max(1, target / 2);
            changedNanos = now;
        }
    }

    /** How many connections the pool may have now. */
    synchronized int target() {
        long now = nanoTime.getAsLong();
        while (target < maximum && now - changedNanos >= INCREASE_NANOS) {
            target++;
            changedNanos += INCREASE_NANOS;
        }
        return target;
    }
}
