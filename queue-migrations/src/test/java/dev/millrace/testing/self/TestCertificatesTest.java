package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestCertificates;
import dev.millrace.testing.TestCertificates.Server;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestCertificatesTest {

    @TempDir
    private static Path directory;

    private static TestCertificates certificates;
    private static PgServer server;

    @BeforeAll
    static void start() {
        certificates = TestCertificates.in(directory);
        server = PgServer.builder().tls(certificates).start();
    }

    @AfterAll
    static void close() {
        server.close();
    }

    @Test
    void key_made_isForItsOwnerOnly() throws Exception {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(certificates.key(Server.VALID))))
                .isEqualTo("rw-------");
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1", "localhost"})
    void verifyFull_validCertificate_connectsWithTls(String host) throws SQLException {
        assertThat(encrypted(server.verifyFullUrl("postgres").replace("//127.0.0.1:", "//" + host + ":")))
                .isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "OTHER_HOST, could not be verified by hostnameverifier",
        "EXPIRED, validity check failed",
        "OTHER_AUTHORITY, unable to find valid certification path"
    })
    void verifyFull_badCertificate_isRefusedUntilTheValidOneIsBack(Server bad, String reason) throws SQLException {
        server.useCertificate(bad);
        try {
            assertThatThrownBy(() -> encrypted(server.verifyFullUrl("postgres")))
                    .isInstanceOf(SQLException.class)
                    .satisfies(e -> assertThat(messages(e)).containsIgnoringCase(reason));
            assertThat(encrypted(server.url("postgres") + "&sslmode=require")).isTrue();
        } finally {
            server.useCertificate(Server.VALID);
        }
        assertThat(encrypted(server.verifyFullUrl("postgres"))).isTrue();
    }

    private static String messages(Throwable failure) {
        StringBuilder messages = new StringBuilder();
        for (Throwable at = failure; at != null; at = at.getCause()) {
            messages.append(at.getMessage()).append('\n');
        }
        return messages.toString();
    }

    private static boolean encrypted(String url) throws SQLException {
        try (Connection session = DriverManager.getConnection(url, new Properties());
                Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")) {
            row.next();
            return row.getBoolean(1);
        }
    }
}
