package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * A wall clock that is off by as much as a test says, for the processes that get its environment, by libfaketime. The monotonic
 * clock stays true. Not for a JVM: it spins under libfaketime. Safe for use by many threads.
 */
public final class FakeClock implements AutoCloseable {

    private final Path directory;
    private final Path file;

    private FakeClock(Path directory) {
        this.directory = directory;
        this.file = directory.resolve("offset");
    }

    /** Aborts the test where libfaketime is not installed. */
    public static void assumeAvailable() {
        Assumptions.assumeTrue(library().isPresent(), "libfaketime is not installed: run .ci/install-tools");
    }

    /** One that is off by this much. */
    public static FakeClock offBy(Duration offset) {
        try {
            FakeClock clock = new FakeClock(Files.createTempDirectory("millrace-clock-"));
            // Read by a server that runs as another user.
            clock.directory.toFile().setExecutable(true, false);
            clock.set(offset);
            return clock;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Jumps; in force for whoever asks for the time after this. */
    public void set(Duration offset) {
        try {
            Path next = directory.resolve("next");
            Files.writeString(
                    next, (offset.isNegative() ? "-" : "+") + offset.abs().toSeconds() + "\n");
            next.toFile().setReadable(true, false);
            // Never empty for one who reads it just now.
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Map<String, String> environment() {
        String library = library()
                .orElseThrow(() -> new IllegalStateException("libfaketime is not installed: run .ci/install-tools"))
                .toString();
        return Map.of(
                "LD_PRELOAD",
                library,
                "FAKETIME_TIMESTAMP_FILE",
                file.toString(),
                "FAKETIME_NO_CACHE",
                "1",
                "FAKETIME_DONT_FAKE_MONOTONIC",
                "1");
    }

    /** What the library leaves behind in shared memory for a process that has ended. */
    static void removeTraces(long pid) {
        try {
            Files.deleteIfExists(Path.of("/dev/shm/faketime_shm_" + pid));
            Files.deleteIfExists(Path.of("/dev/shm/sem.faketime_sem_" + pid));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            PgBinaries.deleteTree(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Distributions keep it in a directory for each architecture. */
    private static Optional<Path> library() {
        Path root = Path.of("/usr/lib");
        if (!Files.isDirectory(root)) {
            return Optional.empty();
        }
        try (Stream<Path> directories = Files.list(root)) {
            return directories
                    .map(directory -> directory.resolve("faketime").resolve("libfaketime.so.1"))
                    .filter(Files::isReadable)
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
