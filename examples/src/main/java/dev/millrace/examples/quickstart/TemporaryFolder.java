package dev.millrace.examples.quickstart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Where binaries, data and logs of one run are; gone at its end. */
final class TemporaryFolder implements AutoCloseable {

    private final Path path;

    private TemporaryFolder(Path path) {
        this.path = path;
    }

    static TemporaryFolder create() throws QuickstartException {
        try {
            return new TemporaryFolder(Files.createTempDirectory("millrace-quickstart-"));
        } catch (IOException e) {
            throw new QuickstartException(
                    QuickstartException.FAILED,
                    "No temporary folder could be made in " + System.getProperty("java.io.tmpdir") + ": "
                            + e.getMessage(),
                    e);
        }
    }

    Path path() {
        return path;
    }

    /** Moves a file of it to where it stays, for whoever looks for what went wrong. Returns the new place. */
    Path rescue(Path file) throws IOException {
        Path kept = Files.createTempFile("millrace-quickstart-", "-" + file.getFileName());
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
