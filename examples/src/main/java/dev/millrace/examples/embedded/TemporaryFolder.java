package dev.millrace.examples.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Where binaries, data and logs of one run are; gone at its end. */
public final class TemporaryFolder implements AutoCloseable {

    private final Path path;

    private TemporaryFolder(Path path) {
        this.path = path;
    }

    /** Creates it; its name begins so. */
    public static TemporaryFolder create(String prefix) throws IOException {
        try {
            return new TemporaryFolder(Files.createTempDirectory(prefix));
        } catch (IOException e) {
            throw new IOException(
                    "No temporary folder could be made in " + System.getProperty("java.io.tmpdir") + ": "
                            + e.getMessage(),
                    e);
        }
    }

    public Path path() {
        return path;
    }

    /** Moves a file of it to where it stays, for whoever looks for what went wrong. Returns the new place. */
    public Path rescue(Path file) throws IOException {
        Path kept = Files.createTempFile("millrace-", "-" + file.getFileName());
        return Files.copy(file, kept, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Idempotent. */
    @Override
    public void close() throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> paths = Files.walk(path)) {
            deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : deepestFirst) {
            Files.deleteIfExists(each);
        }
    }
}
