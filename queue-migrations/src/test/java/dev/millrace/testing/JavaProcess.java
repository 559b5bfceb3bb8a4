package dev.millrace.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A Java program in a process of its own, run by the same Java as this test, whose output is kept (the last million
 * characters of each stream). Closing kills it. Safe for use by many threads.
 */
public final class JavaProcess implements AutoCloseable {

    private final Process process;
    private final Output stdout;
    private final Output stderr;

    private JavaProcess(Process process) {
        this.process = process;
        this.stdout = new Output(process.getInputStream(), "stdout");
        this.stderr = new Output(process.getErrorStream(), "stderr");
    }

    /** {@code java -jar jar arguments…} */
    public static Builder jar(Path jar, String... arguments) {
        return new Builder(List.of("-jar", jar.toString()), arguments);
    }

    /** {@code java -cp classPath mainClass arguments…} */
    public static Builder main(String classPath, String mainClass, String... arguments) {
        return new Builder(List.of("-cp", classPath, mainClass), arguments);
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** SIGKILL: nothing in the process gets a chance to react. Returns when it is gone. */
    public void kill9() {
        // Not Process.destroyForcibly: that closes the streams, and with them what was still to be read.
        process.toHandle().destroyForcibly();
        waitFor(Duration.ofSeconds(10));
    }

    /** SIGSTOP: nothing in the process runs, and its connections stay open. */
    public void pause() {
        ProcessFamily.signal("STOP", process.pid());
    }

    /** Ends {@link #pause}. */
    public void resume() {
        ProcessFamily.signal("CONT", process.pid());
    }

    /** SIGTERM: shutdown hooks run. Returns at once. */
    public void terminate() {
        process.toHandle().destroy();
    }

    /**
     * Waits for the end, and for all output.
     *
     * @return the exit code; 128 + n after signal n
     * @throws AssertionError with the output, if the process still runs after that time
     */
    public int waitFor(Duration timeout) {
        try {
            if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError("still running after " + timeout + dump());
            }
            stdout.join();
            stderr.join();
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting" + dump(), e);
        }
    }

    /**
     * Waits until stderr contains the text.
     *
     * @throws AssertionError with the output, if it does not in time, or ends without
     */
    public void awaitStderr(String contained, Duration timeout) {
        awaitOutput(stderr, contained, timeout);
    }

    /** Like {@link #awaitStderr}. */
    public void awaitStdout(String contained, Duration timeout) {
        awaitOutput(stdout, contained, timeout);
    }

    public String stdout() {
        return stdout.text();
    }

    public String stderr() {
        return stderr.text();
    }

    @Override
    public void close() {
        kill9();
    }

    private void awaitOutput(Output output, String contained, Duration timeout) {
        try {
            if (!output.await(contained, timeout)) {
                throw new AssertionError("no '" + contained + "' within " + timeout + dump());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting" + dump(), e);
        }
    }

    private String dump() {
        return "\n--- stdout\n" + stdout() + "\n--- stderr\n" + stderr();
    }

    /** What to start. */
    public static final class Builder {

        private final List<String> prefix = new ArrayList<>();
        private final List<String> options = new ArrayList<>();
        private final List<String> program;
        private final List<String> arguments;
        private final Map<String, String> environment = new HashMap<>();
        private @Nullable Path directory;

        private Builder(List<String> program, String... arguments) {
            this.program = program;
            this.arguments = List.of(arguments);
        }

        /** Options of the JVM, such as {@code -Xmx256m}. */
        public Builder options(String... more) {
            options.addAll(Arrays.asList(more));
            return this;
        }

        /** Adds to the environment inherited from this JVM. */
        public Builder environment(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /** Starts it by a command that takes the rest as its arguments, and becomes that: {@code ip netns exec NAME}. */
        public Builder prefix(List<String> command) {
            prefix.addAll(command);
            return this;
        }

        public Builder directory(Path path) {
            directory = path;
            return this;
        }

        public JavaProcess start() {
            List<String> command = new ArrayList<>(prefix);
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(options);
            command.addAll(program);
            command.addAll(arguments);
            ProcessBuilder builder = new ProcessBuilder(command);
            // A JVM that finds it says so on stderr, where tests look for exact output.
            builder.environment().remove("JAVA_TOOL_OPTIONS");
            builder.environment().putAll(environment);
            if (directory != null) {
                builder.directory(directory.toFile());
            }
            try {
                return new JavaProcess(builder.start());
            } catch (IOException e) {
                throw new UncheckedIOException("could not start " + command, e);
            }
        }
    }

    /** One stream, drained by a thread of its own so that the process never blocks on a full pipe. */
    private static final class Output {

        private static final int LIMIT = 1_000_000;

        private final StringBuilder text = new StringBuilder();
        private final Thread reader;
        private boolean ended;

        Output(InputStream stream, String name) {
            reader = new Thread(() -> read(stream), "test-process-" + name);
            reader.setDaemon(true);
            reader.start();
        }

        private void read(InputStream stream) {
            try (Reader characters = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
                char[] buffer = new char[8192];
                for (int length = characters.read(buffer); length >= 0; length = characters.read(buffer)) {
                    append(buffer, length);
                }
            } catch (IOException closed) {
                // the process was killed
            } finally {
                end();
            }
        }

        private synchronized void append(char[] buffer, int length) {
            text.append(buffer, 0, length);
            text.delete(0, Math.max(0, text.length() - LIMIT));
            notifyAll();
        }

        private synchronized void end() {
            ended = true;
            notifyAll();
        }

        synchronized boolean await(String contained, Duration timeout) throws InterruptedException {
            long deadline = System.nanoTime() + timeout.toNanos();
            while (text.indexOf(contained) < 0) {
                long left = (deadline - System.nanoTime()) / 1_000_000;
                if (left <= 0 || ended) {
                    return false;
                }
                wait(left);
            }
            return true;
        }

        synchronized String text() {
            return text.toString();
        }

        /** Bounded: a grandchild that inherited the pipe may keep it open for ever. */
        void join() throws InterruptedException {
            reader.join(10_000);
        }
    }
}
