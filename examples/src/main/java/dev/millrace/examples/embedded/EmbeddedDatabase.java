package dev.millrace.examples.embedded;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import javax.sql.DataSource;

/** A PostgreSQL server for this run: on loopback, its binaries and data below one folder. */
public final class EmbeddedDatabase implements AutoCloseable {

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
     * @param settings of the server, by name, besides those that it needs for a short life
     */
    public static EmbeddedDatabase start(Path home, Path logFile, Map<String, String> settings) throws IOException {
        Redirect log = Redirect.appendTo(logFile.toFile());
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder();
        settings.forEach(builder::setServerConfig);
        try {
            return new EmbeddedDatabase(builder.setOverrideWorkingDirectory(home.toFile())
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
            throw new IOException("PostgreSQL did not start: " + e.getMessage() + "." + hint, e);
        }
    }

    public DataSource dataSource() {
        return server.getDatabase(USER, NAME);
    }

    /** In the form that psql and Millrace understand; there is no password. */
    public String url() {
        return "postgresql://" + USER + "@localhost:" + server.getPort() + "/" + NAME;
    }

    /** Stops the server and removes its data. Idempotent. */
    @Override
    public void close() throws IOException {
        server.close();
    }
}
