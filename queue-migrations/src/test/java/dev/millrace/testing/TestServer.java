package dev.millrace.testing;

import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The one PostgreSQL server of this JVM's tests: the one named by the system property {@code millrace.test.url}, else a
 * container where Docker answers, else an embedded one ({@link PgServer}). Not for tests that stop or break a server:
 * these start a {@link PgServer} of their own. Safe for use by many threads.
 */
public final class TestServer {

    private final String url;
    private final Object templateLock = new Object();
    private @Nullable String template;

    private TestServer(String url) {
        this.url = url;
    }

    /** Starting a server takes seconds, so there is one for all; nothing but the JVM's end ends it. */
    private static final class Shared {
        static final TestServer SERVER = new TestServer(startOrFind());
    }

    /** The server, started by the first call. */
    public static TestServer shared() {
        return Shared.SERVER;
    }

    /** JDBC URL of a database of this server, with the user and password of a superuser. */
    public String url(String database) {
        int path = url.indexOf('/', "jdbc:postgresql://".length());
        int query = url.indexOf('?', path);
        return url.substring(0, path + 1) + database + (query < 0 ? "" : url.substring(query));
    }

    /**
     * Creates a database that nobody else uses.
     *
     * @param label part of its name, for the one who reads the server's log
     * @param migrated with the job tables in schema {@code millrace}, or empty
     */
    public TestDatabase create(String label, boolean migrated) {
        String name = unique(label);
        // Every test class pays for this: copying files beats the default, which writes each block to the WAL.
        run("CREATE DATABASE " + name + " TEMPLATE " + (migrated ? template() : "template0") + " STRATEGY file_copy");
        return new TestDatabase(name, url(name), SchemaName.DEFAULT);
    }

    /** Drops the database with whatever sessions it still has. */
    public void drop(TestDatabase database) {
        run("DROP DATABASE IF EXISTS " + database.name() + " WITH (FORCE)");
    }

    private String template() {
        synchronized (templateLock) {
            if (template == null) {
                String name = unique("template");
                run("CREATE DATABASE " + name + " TEMPLATE template0 STRATEGY file_copy");
                Runtime.getRuntime().addShutdownHook(new Thread(() -> dropQuietly(name), "drop-test-template"));
                Migrator.of(new TestDatabase(name, url(name), SchemaName.DEFAULT).dataSource(), SchemaName.DEFAULT)
                        .migrate();
                template = name;
            }
            return template;
        }
    }

    private static String unique(String label) {
        String readable = label.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
        return "test_" + readable.substring(0, Math.min(readable.length(), 40)) + "_"
                + UUID.randomUUID().toString().substring(0, 8);
    }

    private void run(String sql) {
        try (Connection session = DriverManager.getConnection(url);
                Statement statement = session.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new SqlFailure(sql, e);
        }
    }

    /** Matters on a server that outlives this JVM; an embedded one may be gone already. */
    private void dropQuietly(String name) {
        try {
            run("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
        } catch (SqlFailure expected) {
            // nothing left to clean up
        }
    }

    private static String startOrFind() {
        String given = System.getProperty("millrace.test.url", "").strip();
        if (!given.isEmpty()) {
            return given;
        }
        return DockerServer.start(System.getProperty("millrace.test.pg.major", "18"))
                .orElseGet(() -> {
                    @SuppressWarnings("resource") // its shutdown hook closes it
                    PgServer server = PgServer.builder()
                            .config(Map.of("max_connections", "300"))
                            .start();
                    return server.url("postgres");
                });
    }
}
