package dev.millrace.examples.quickstart;

import java.io.PrintStream;

/** Says how far it is: on a terminal one line that changes, elsewhere a line a second at most. */
final class Progress {

    private static final long INTERVAL_NANOS = 1_000_000_000L;

    private final PrintStream out;
    private final boolean terminal;
    private final long total;
    private long lastDone = -1;
    private long lastAt;
    private boolean lineIsOpen;

    Progress(PrintStream out, boolean terminal, long total) {
        this.out = out;
        this.terminal = terminal;
        this.total = total;
    }

    void show(long done) {
        long now = System.nanoTime();
        boolean tooSoon = !terminal && lastDone >= 0 && done < total && now - lastAt < INTERVAL_NANOS;
        if (done == lastDone || tooSoon) {
            return;
        }
        lastDone = done;
        lastAt = now;
        String line = "  " + done + " of " + total + " jobs done";
        if (terminal) {
            out.print("\r" + line);
            out.flush();
            lineIsOpen = true;
        } else {
            out.println(line);
        }
    }

    void endLine() {
        if (lineIsOpen) {
            out.println();
            lineIsOpen = false;
        }
    }
}
