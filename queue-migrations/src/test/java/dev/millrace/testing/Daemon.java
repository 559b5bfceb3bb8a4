package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A program that runs in the foreground until it is ended, and may be started again. What it says is added to a file
 * of its name. Not for concurrent use, except {@link #log} and {@link #isAlive}.
 */
final class Daemon {

    private final Path directory;
    private final String name;
    private final List<String> command;
    private volatile @Nullable ProcessFamily process;

    Daemon(Path directory, String name, List<String> command) {
        this.directory = directory;
        this.name = name;
        this.command = List.copyOf(command);
    }

    String name() {
        return name;
    }

    /** Returns at once. */
    void start() {
        if (isAlive()) {
            throw new IllegalStateException(name + " runs already");
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile().toFile()));
        builder.environment().keySet().removeIf(variable -> variable.startsWith("PG") || variable.startsWith("LC_"));
        builder.environment().put("LC_ALL", "C");
        try {
            process = new ProcessFamily(builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException("could not start " + command, e);
        }
    }

    boolean isAlive() {
        ProcessFamily running = process;
        return running != null && running.isAlive();
    }

    void signal(String signal) {
        ProcessFamily running = process;
        if (running == null) {
            throw new IllegalStateException(name + " is stopped");
        }
        running.signal(signal);
    }

    /** Ends it and its descendants by the signal to itself; no effect if it does not run. */
    void end(String signal) {
        ProcessFamily running = process;
        if (running != null && running.isAlive()) {
            running.end(signal);
        }
        process = null;
    }

    String log() {
        try {
            return Files.readString(logFile());
        } catch (IOException e) {
            return e.toString();
        }
    }

    private Path logFile() {
        return directory.resolve(name + ".log");
    }
}
