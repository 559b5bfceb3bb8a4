package dev.millrace.examples.quickstart;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The worker, a process of its own that is started again when it dies: that is all it takes, for its jobs are given back
 * when its lease is over. Used by one thread; {@link #close} by any.
 */
final class WorkerProcess implements AutoCloseable {

    /** Enough for someone who plays with kill -9; a worker that can't start is given up in seconds. */
    static final int MAX_RESTARTS = 10;

    private static final Duration STOP = Duration.ofSeconds(15);

    private final ProcessBuilder program;
    private final Path log;
    private Process process;
    private int restarts;
    private boolean closed;

    private WorkerProcess(ProcessBuilder program, Path log) throws IOException {
        this.program = program;
        this.log = log;
        this.process = program.start();
    }

    /**
     * Starts it; returns at once.
     *
     * @param jar the runnable jar
     * @param handlers the jar with the handlers
     * @param url the database
     * @param log its output goes there
     */
    static WorkerProcess start(Path jar, Path handlers, String url, Path log) throws QuickstartException {
        for (Path needed : List.of(jar, handlers)) {
            if (!Files.isReadable(needed)) {
                throw new QuickstartException(
                        QuickstartException.FAILED, needed + " is missing: run examples/quickstart, which builds it.");
            }
        }
        ProcessBuilder program = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-jar",
                        jar.toString(),
                        "work",
                        "--handlers",
                        handlers.toString(),
                        "--queue",
                        "default=8",
                        "--lease",
                        "5s",
                        "--grace",
                        "5s",
                        "--http",
                        "off")
                .redirectErrorStream(true)
                .redirectOutput(Redirect.appendTo(log.toFile()));
        // As everybody should: a URL on the command line shows in the process list.
        program.environment().put("MILLRACE_DATABASE_URL", url);
        try {
            return new WorkerProcess(program, log);
        } catch (IOException e) {
            throw new QuickstartException(
                    QuickstartException.FAILED, "The worker process could not be started: " + e.getMessage(), e);
        }
    }

    synchronized long pid() {
        return process.pid();
    }

    Path log() {
        return log;
    }

    /** Waits for up to this long; true as soon as it is dead. */
    boolean diesWithin(Duration time) throws InterruptedException {
        return current().waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** What became of one that has died, in words. */
    synchronized String end() {
        int status = process.exitValue();
        return "worker process " + process.pid()
                + (status > 128 ? " was ended by signal " + (status - 128) : " exited with status " + status);
    }

    /**
     * Starts it again after it has died.
     *
     * @throws QuickstartException if that was done too often
     */
    synchronized void restart() throws QuickstartException {
        if (closed) {
            return;
        }
        if (restarts == MAX_RESTARTS) {
            throw new QuickstartException(
                    QuickstartException.FAILED,
                    "The worker died " + (restarts + 1) + " times, that is too often; last, " + end() + ".");
        }
        restarts++;
        try {
            process = program.start();
        } catch (IOException e) {
            throw new QuickstartException(
                    QuickstartException.FAILED, "The worker could not be started again: " + e.getMessage(), e);
        }
    }

    /** SIGTERM, upon which it gives back what it has not finished; SIGKILL if that takes too long. Idempotent. */
    @Override
    public void close() {
        Process last;
        synchronized (this) {
            closed = true;
            last = process;
        }
        last.destroy();
        try {
            if (last.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        last.destroyForcibly();
    }

    private synchronized Process current() {
        return process;
    }
}
