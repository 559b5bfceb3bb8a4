package dev.millrace.testing;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * A file system of a few megabytes in memory that a test can fill to the last byte without harm to anybody else; a mount below
 * the temporary directory. Not for concurrent use.
 */
public final class SmallDisk implements AutoCloseable {

    private final Path path;
    private final Path ballast;
    private final Thread hook = new Thread(this::remove, "unmount-test-disk");
    private boolean closed;

    private SmallDisk(Path path) {
        this.path = path;
        this.ballast = path.resolve("ballast");
    }

    /** Aborts the test where file systems can't be mounted: without root, or the permission. */
    public static void assumeAvailable() {
        Assumptions.assumeTrue(SystemProgram.isRoot(), "mounting a file system needs root");
        SystemProgram.assume("mount", "umount");
        try (SmallDisk probe = ofMegabytes(1)) {
            Assumptions.assumeTrue(Files.isDirectory(probe.path()));
        } catch (IllegalStateException refused) {
            Assumptions.abort("file systems are not to be had: " + refused.getMessage());
        }
    }

    /**
     * An empty one.
     *
     * @throws IllegalStateException if the machine does not let us
     */
    public static SmallDisk ofMegabytes(int size) {
        try {
            SmallDisk disk = new SmallDisk(Files.createTempDirectory("millrace-disk-"));
            Runtime.getRuntime().addShutdownHook(disk.hook);
            try {
                run(
                        "mount",
                        "-t",
                        "tmpfs",
                        "-o",
                        "mode=0777,size=" + size + "m",
                        "millrace-test",
                        disk.path.toString());
                return disk;
            } catch (IllegalStateException e) {
                Files.delete(disk.path);
                disk.closed = true;
                Runtime.getRuntime().removeShutdownHook(disk.hook);
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Path path() {
        return path;
    }

    /** Leaves no byte for anybody else. What others free later they can use. */
    public void fill() {
        byte[] block = new byte[4096];
        try (OutputStream out = Files.newOutputStream(ballast)) {
            while (true) {
                out.write(block);
            }
        } catch (IOException full) {
            // as it should be
        }
    }

    /** Ends {@link #fill}. */
    public void free() {
        try {
            Files.deleteIfExists(ballast);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Unmounts it with all that is on it; nobody may use it any more. Idempotent. */
    @Override
    public void close() {
        remove();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // the hook runs already
        }
    }

    private synchronized void remove() {
        if (closed) {
            return;
        }
        closed = true;
        // Lazily: a process that ends just now may have its last file open.
        run("umount", "-l", path.toString());
        try {
            Files.delete(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            ProcessFamily.waitFor(process);
            if (process.exitValue() != 0) {
                throw new IllegalStateException(String.join(" ", command) + ": " + output.strip());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
