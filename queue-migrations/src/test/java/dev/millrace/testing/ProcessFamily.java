package dev.millrace.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A process and all that descend from it, and the signals that Java itself cannot send. */
final class ProcessFamily {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Process parent;

    ProcessFamily(Process parent) {
        this.parent = parent;
    }

    long pid() {
        return parent.pid();
    }

    boolean isAlive() {
        return parent.isAlive();
    }

    /** To the parent alone. */
    void signal(String signal) {
        signal(signal, parent.pid());
    }

    /** To the parent first, so that a stopped one has no new children behind our back. */
    void signalAll(String signal) {
        signal(signal);
        signalEach(signal, parent.descendants());
    }

    /** Sends the signal to the parent, ends whatever stop froze it or its children, and waits until all are gone. */
    void end(String signal) {
        List<ProcessHandle> children = parent.descendants().toList();
        signal(signal);
        signalEach("CONT", Stream.concat(Stream.of(parent.toHandle()), children.stream()));
        waitFor(parent);
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(10))
                .atMost(LIMIT)
                .until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    }

    /**
     * @throws IllegalStateException if there is no such process
     */
    static void signal(String signal, long pid) {
        if (kill(signal, pid) != 0) {
            throw new IllegalStateException("kill -" + signal + " " + pid + " failed: no such process?");
        }
    }

    /**
     * @throws IllegalStateException if it does not end within a minute
     */
    static void waitFor(Process process) {
        try {
            if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new IllegalStateException("still running after " + LIMIT + ": " + process.info());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Those that have ended in between need no signal. */
    private static void signalEach(String signal, Stream<ProcessHandle> processes) {
        processes.filter(ProcessHandle::isAlive).forEach(process -> kill(signal, process.pid()));
    }

    private static int kill(String signal, long pid) {
        try {
            // By the shell, which has it built in: not every container has the program.
            Process kill = new ProcessBuilder("sh", "-c", "kill -" + signal + " " + pid)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            waitFor(kill);
            return kill.exitValue();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
