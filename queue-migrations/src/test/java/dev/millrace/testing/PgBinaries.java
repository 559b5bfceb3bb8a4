package dev.millrace.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * The {@code initdb} and {@code postgres} of the embedded binaries on the class path, unpacked once per machine into
 * the temporary directory, under a hash of their content. Any number of JVMs may unpack at once: the first that is
 * done wins.
 */
final class PgBinaries {

    private PgBinaries() {}

    /**
     * @return directory with {@code bin}, {@code lib} and {@code share}
     */
    static Path unpacked() {
        String resource = "/postgres-" + platform() + ".txz";
        try {
            Path temp = Path.of(System.getProperty("java.io.tmpdir"));
            String user = System.getProperty("user.name").replaceAll("\\W", "_");
            Path home = temp.resolve("millrace-postgres-" + user + "-" + hash(resource));
            if (!Files.isDirectory(home)) {
                Path fresh = Files.createTempDirectory(temp, "millrace-postgres-unpacking");
                unpack(resource, fresh);
                try {
                    Files.move(fresh, home, StandardCopyOption.ATOMIC_MOVE);
                } catch (IOException another) {
                    deleteTree(fresh);
                    if (!Files.isDirectory(home)) {
                        throw another;
                    }
                }
            }
            return home;
        } catch (IOException e) {
            throw new UncheckedIOException("could not unpack " + resource, e);
        }
    }

    static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    private static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String arch = switch (System.getProperty("os.arch")) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64", "arm64" -> "arm_64";
            default -> System.getProperty("os.arch");
        };
        if (os.startsWith("mac")) {
            return "darwin-" + arch;
        }
        return "linux-" + arch + (Files.exists(Path.of("/etc/alpine-release")) ? "-alpine_linux" : "");
    }

    private static InputStream open(String resource) throws IOException {
        InputStream stream = PgBinaries.class.getResourceAsStream(resource);
        if (stream == null) {
            throw new IOException("no PostgreSQL binaries for this platform on the class path; "
                    + "set millrace.test.url to a server of your own");
        }
        return stream;
    }

    private static String hash(String resource) throws IOException {
        try (DigestInputStream stream = new DigestInputStream(open(resource), MessageDigest.getInstance("SHA-256"))) {
            stream.transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(stream.getMessageDigest().digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void unpack(String resource, Path target) throws IOException {
        try (TarArchiveInputStream tar = new TarArchiveInputStream(new XZInputStream(open(resource)))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                Path path = target.resolve(entry.getName()).normalize();
                if (!path.startsWith(target)) {
                    throw new IOException("entry outside of the archive: " + entry.getName());
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                    continue;
                }
                Files.createDirectories(path.getParent());
                if (entry.isSymbolicLink()) {
                    Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
                } else {
                    Files.copy(tar, path);
                    boolean executable = (entry.getMode() & 0100) != 0;
                    Files.setPosixFilePermissions(
                            path, PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
                }
            }
        }
        // createTempDirectory keeps others out; a server in a user namespace of its own is an "other" here.
        Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
