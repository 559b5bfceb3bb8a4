package dev.millrace.testing;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** Programs of the machine that tests start, and the ordinary user they run as where the tests run as root. */
final class SystemProgram {

    /** The user nobody: PostgreSQL, PgBouncer and Patroni refuse to run as root. */
    private static final int NOBODY = 65534;

    private SystemProgram() {}

    /** Looks on PATH, and where programs for administrators are, which not every user has on it. */
    static Optional<Path> find(String name) {
        String path = Objects.requireNonNullElse(System.getenv("PATH"), "/usr/bin:/bin");
        return Stream.of((path + ":/usr/sbin:/sbin").split(File.pathSeparator))
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Aborts the test, if one is missing. */
    static void assume(String... names) {
        for (String name : names) {
            Assumptions.assumeTrue(find(name).isPresent(), name + " is not installed: run .ci/install-tools");
        }
    }

    static boolean isRoot() {
        return "root".equals(System.getProperty("user.name"));
    }

    /** The command, run as an ordinary user, with the same process id. */
    static List<String> unprivileged(Path program, String... arguments) {
        List<String> command = new ArrayList<>();
        if (isRoot()) {
            String user = String.valueOf(NOBODY);
            command.addAll(List.of("setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups"));
        }
        command.add(program.toString());
        command.addAll(List.of(arguments));
        return command;
    }

    /** A new temporary directory that belongs to that user. */
    static Path unprivilegedDirectory(String prefix) {
        try {
            Path directory = Files.createTempDirectory(prefix);
            if (isRoot()) {
                Files.setAttribute(directory, "unix:uid", NOBODY);
                Files.setAttribute(directory, "unix:gid", NOBODY);
            }
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
