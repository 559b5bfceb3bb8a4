package dev.millrace.examples;

import dev.millrace.examples.ExampleJobs.FileDigest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of a file of any size, in constant memory. */
final class FileChecksum {

    private static final int CHUNK = 1 << 16;

    private FileChecksum() {}

    /** An interrupt ends the read: the stream of a file is an interruptible channel. */
    static FileDigest of(String path) throws IOException {
        if (Files.exists(Path.of(path)) && !Files.isRegularFile(Path.of(path))) {
            // Opening a named pipe would wait for ever, and no interrupt ends that wait.
            throw new IOException(path + " is not a regular file");
        }
        MessageDigest sha256 = sha256();
        long size = 0;
        try (InputStream stream = Files.newInputStream(Path.of(path))) {
            byte[] chunk = new byte[CHUNK];
            for (int length = stream.read(chunk); length >= 0; length = stream.read(chunk)) {
                sha256.update(chunk, 0, length);
                size += length;
            }
        }
        return new FileDigest(size, HexFormat.of().formatHex(sha256.digest()));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("Every Java has SHA-256", impossible);
        }
    }
}
