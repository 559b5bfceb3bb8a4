package dev.millrace.worker.bench;

import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** Tells whoever waits what is going on: each step, and how far it is every five seconds. Thread-safe. */
final class Progress {

    static final Duration INTERVAL = Duration.ofSeconds(5);

    private final Consumer<String> lines;
    private final AtomicLong lastNanos = new AtomicLong(System.nanoTime());
    private volatile String step = "";

    Progress(Consumer<String> lines) {
        this.lines = lines;
    }

    void step(String what) {
        step = what;
        lastNanos.set(System.nanoTime());
        lines.accept(what);
    }

    /** Says so if nothing was said for five seconds. */
    void at(long done, long of) {
        long last = lastNanos.get();
        long now = System.nanoTime();
        if (now - last >= INTERVAL.toNanos() && lastNanos.compareAndSet(last, now)) {
            lines.accept(String.format(Locale.ROOT, "%s: %,d of %,d", step, done, of));
        }
    }
}
