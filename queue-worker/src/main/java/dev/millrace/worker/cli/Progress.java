package dev.millrace.worker.cli;

import java.time.Duration;

/**
 * One line on standard error that tells how far long work has come, written over itself; nothing unless a person looks on. Not
 * thread-safe.
 */
final class Progress implements AutoCloseable {

    private static final long EVERY_NANOS = Duration.ofMillis(200).toNanos();
    private static final String CLEARED = "\r\u001b[K";

    private final Terminal terminal;
    private boolean shown;
    private long shownNanos;

    Progress(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Shows it, unless the last one is quite new. */
    void tell(String text) {
        long now = System.nanoTime();
        if (terminal.interactive() && (!shown || now - shownNanos > EVERY_NANOS)) {
            shown = true;
            shownNanos = now;
            terminal.err().print(CLEARED + text);
            terminal.err().flush();
        }
    }

    /** Takes the line away, before something else is said. */
    @Override
    public void close() {
        if (shown) {
            shown = false;
            terminal.err().print(CLEARED);
            terminal.err().flush();
        }
    }
}
