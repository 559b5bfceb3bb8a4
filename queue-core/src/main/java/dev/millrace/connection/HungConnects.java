package dev.millrace.connection;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Attempts to connect whose time is over but whose thread is not: it hangs where no socket can be closed under it, in a name
 * look-up. Beyond two of them there is one more attempt a minute, so that threads do not pile up, and so that one that hangs for
 * ever is not the end. Thread-safe.
 */
final class HungConnects {

    private static final int AT_ONCE = 2;
    private static final long NEXT_NANOS = Duration.ofMinutes(1).toNanos();

    private final LongSupplier nanoTime;
    private int hanging;
    private long lastNanos;

    HungConnects(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Whether one more attempt may begin. */
    synchronized boolean allowAnother() {
        return hanging < AT_ONCE || nanoTime.getAsLong() - lastNanos >= NEXT_NANOS;
    }

    /** One attempt that begins. */
    Attempt attempt() {
        return new Attempt();
    }

    private synchronized void hang() {
        hanging++;
        lastNanos = nanoTime.getAsLong();
    }

    private synchronized void end() {
        hanging--;
    }

    /** Told of by two threads: the one that waits for it, and its own. */
    final class Attempt {

        private boolean ended;
        private boolean hangs;

        private Attempt() {}

        /** Nobody waits for it any more. */
        synchronized void hangs() {
            if (!ended) {
                hangs = true;
                hang();
            }
        }

        /** Its thread has come back. */
        synchronized void ended() {
            ended = true;
            if (hangs) {
                end();
            }
        }
    }
}
