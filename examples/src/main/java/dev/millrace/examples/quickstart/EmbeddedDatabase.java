package dev.millrace.examples.quickstart;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.Duration;
import javax.sql.DataSource;

/** A PostgreSQL server for this run: on loopback, its binaries and data below one folder. */
final class EmbeddedDatabase implements AutoCloseable {

    private static final String NAME = "postgres";
    private static final String USER = "postgres";

    private final EmbeddedPostgres server;

    private EmbeddedDatabase(EmbeddedPostgres server) {
        this.server = server;
    }

    /**
     * Returns when it accepts connections.
     *
     * @param home where its binaries and data go
     * @param logFile what its programs print goes there
     */
    static EmbeddedDatabase start(Path home, Path logFile) throws QuickstartException {
        Redirect log = Redirect.appendTo(logFile.toFile());
        try {
            return new EmbeddedDatabase(EmbeddedPostgres.builder()
                    .setOverrideWorkingDirectory(home.toFile())
                    .setDataDirectory(home.resolve("data"))
                    .setOutputRedirector(log)
                    .setErrorRedirector(log)
                    .setPGStartupWait(Duration.ofSeconds(30))
                    // A locale that every system has: the user's own may be one that PostgreSQL does not know.
                    .setLocaleConfig("locale", "C")
                    .setServerConfig("unix_socket_directories", "")
                    // Ours ends it, after the worker.
                    .setRegisterShutdownHook(false)
                    .start());
        } catch (IOException | RuntimeException e) {
            String hint = "root".equals(System.getProperty("user.name"))
                    ? " PostgreSQL refuses to run as root; where user namespaces are forbidden (try: unshare -U true), "
                            + "run this as an ordinary user."
                    : "";
            throw new QuickstartException(
                    QuickstartException.FAILED, "PostgreSQL did not start: " + e.getMessage() + "." + hint, e);
        }
    }

    DataSource dataSource() {
        return server.getDatabase(USER, NAME);
    }

    /** In the form that psql and Millrace understand; there is no password. */
    String url() {
        return "postgresql://" + USER + "@localhost:" + server.getPort() + "/" + NAME;
    }

    /** Stops the server and removes its data. Idempotent. */
    @Override
    public void close() throws IOException {
        server.close();
    }
}
