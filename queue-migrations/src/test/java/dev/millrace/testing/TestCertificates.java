package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * A certificate authority and server certificates of it, good and bad, as PEM files that PostgreSQL and pgjdbc read.
 * Everything is in the given directory, made within a second. Immutable.
 */
public final class TestCertificates {

    /** A certificate and key of a server. */
    public enum Server {
        /** For 127.0.0.1 and localhost. */
        VALID,
        /** For db.elsewhere.example. */
        OTHER_HOST,
        /** As {@link #VALID}, until yesterday. */
        EXPIRED,
        /** As {@link #VALID}, by an authority that clients do not know. */
        OTHER_AUTHORITY
    }

    private static final List<String> HERE = List.of("localhost", LoopbackPort.ADDRESS);
    private static final Duration DAY = Duration.ofDays(1);

    private final Path directory;

    private TestCertificates(Path directory) {
        this.directory = directory;
    }

    /** Makes all of them; the directory must exist. */
    public static TestCertificates in(Path directory) {
        TestCertificates certificates = new TestCertificates(directory);
        try {
            certificates.make();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        return certificates;
    }

    /** The authority's certificate, pgjdbc's {@code sslrootcert}. */
    public Path authority() {
        return directory.resolve("authority.crt");
    }

    /** PostgreSQL's {@code ssl_cert_file}. */
    public Path certificate(Server server) {
        return file(server, ".crt");
    }

    /** PostgreSQL's {@code ssl_key_file}; nobody else can read it. */
    public Path key(Server server) {
        return file(server, ".key");
    }

    /** To be appended to a JDBC URL that has parameters: TLS with the server's name and authority verified. */
    public String verifyFull() {
        return "&sslmode=verify-full&sslrootcert="
                + URLEncoder.encode(authority().toString(), StandardCharsets.UTF_8);
    }

    private Path file(Server server, String suffix) {
        return directory.resolve(server.name().toLowerCase(Locale.ROOT) + suffix);
    }

    private void make() throws IOException, GeneralSecurityException {
        Instant now = Instant.now();
        KeyPair trusted = keys();
        KeyPair unknown = keys();
        X509Encoder authority =
                new X509Encoder("CN=Test authority", trusted.getPrivate(), now.minus(DAY.multipliedBy(99)));
        X509Encoder other = new X509Encoder("CN=Other authority", unknown.getPrivate(), now.minus(DAY));
        Instant tomorrow = now.plus(DAY);
        Files.writeString(authority(), pem("CERTIFICATE", authority.authority(trusted.getPublic(), tomorrow)));
        for (Server server : Server.values()) {
            KeyPair keys = keys();
            byte[] certificate = switch (server) {
                case VALID -> authority.server(keys.getPublic(), HERE, tomorrow);
                case OTHER_HOST -> authority.server(keys.getPublic(), List.of("db.elsewhere.example"), tomorrow);
                case EXPIRED -> authority.server(keys.getPublic(), HERE, now.minus(DAY));
                case OTHER_AUTHORITY -> other.server(keys.getPublic(), HERE, tomorrow);
            };
            Files.writeString(certificate(server), pem("CERTIFICATE", certificate));
            Files.createFile(
                    key(server), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(key(server), pem("PRIVATE KEY", keys.getPrivate().getEncoded()));
        }
    }

    private static KeyPair keys() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        return generator.generateKeyPair();
    }

    private static String pem(String type, byte[] bytes) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
        return "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n";
    }
}
