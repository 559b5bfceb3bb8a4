package dev.millrace.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A PgBouncer in front of a PostgreSQL server, on a loopback port that it keeps when it is started again. Lets in every
 * user of the server, without a password. Every method returns when its effect is complete, and fails
 * within a minute. Not for concurrent use, except {@link #url}, {@link #port}, {@link #log} and {@link #close}.
 */
public final class PgBouncer implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Path directory = SystemProgram.unprivilegedDirectory("millrace-pgbouncer-");
    private final LoopbackPort port = LoopbackPort.free();
    private final Thread hook = new Thread(this::destroy, "stop-test-pgbouncer");
    private final Daemon daemon;
    private boolean closed;

    private PgBouncer(Path program) {
        daemon = new Daemon(
                directory,
                "pgbouncer",
                SystemProgram.unprivileged(
                        program, directory.resolve("pgbouncer.ini").toString()));
    }

    /** In front of the server at this address. */
    public static Builder builder(String host, int port) {
        return new Builder(host, port);
    }

    public static boolean isInstalled() {
        return SystemProgram.find("pgbouncer").isPresent();
    }

    /** Aborts the test where PgBouncer is not installed. */
    public static void assumeInstalled() {
        SystemProgram.assume("pgbouncer");
    }

    /** When a server connection goes back to the pool. */
    public enum PoolMode {
        SESSION,
        TRANSACTION
    }

    /** Settings of a new PgBouncer: its own defaults, but for what the methods say. */
    public static final class Builder {

        private final String host;
        private final int port;
        private final Map<String, String> settings = new LinkedHashMap<>();

        private Builder(String host, int port) {
            this.host = host;
            this.port = port;
            poolMode(PoolMode.TRANSACTION);
            ignoreStartupParameters("extra_float_digits,options");
        }

        /** Default: TRANSACTION. */
        public Builder poolMode(PoolMode mode) {
            return setting("pool_mode", mode.name().toLowerCase(Locale.ROOT));
        }

        /** One more client is refused. */
        public Builder maxClientConnections(int number) {
            return setting("max_client_conn", String.valueOf(number));
        }

        /** Server connections per database and user; one more client waits. */
        public Builder defaultPoolSize(int number) {
            return setting("default_pool_size", String.valueOf(number));
        }

        /** How long a client waits for a server connection; whole seconds, 0 for ever. */
        public Builder queryWaitTimeout(Duration time) {
            return setting("query_wait_timeout", String.valueOf(time.toSeconds()));
        }

        /** Comma-separated; any other parameter refuses the client. Default: {@code extra_float_digits,options}. */
        public Builder ignoreStartupParameters(String names) {
            return setting("ignore_startup_parameters", names);
        }

        /** How long clients are refused after the server could not be reached; whole seconds. */
        public Builder serverLoginRetry(Duration time) {
            return setting("server_login_retry", String.valueOf(time.toSeconds()));
        }

        /** One line of the section {@code pgbouncer}. */
        public Builder setting(String name, String value) {
            settings.put(name, value);
            return this;
        }

        /** Creates and starts it. */
        public PgBouncer start() {
            Path program = SystemProgram.find("pgbouncer")
                    .orElseThrow(() -> new IllegalStateException("pgbouncer is not installed: run .ci/install-tools"));
            PgBouncer bouncer = new PgBouncer(program);
            Runtime.getRuntime().addShutdownHook(bouncer.hook);
            try {
                bouncer.configure(host, port, settings);
                bouncer.start();
                return bouncer;
            } catch (RuntimeException | AssertionError e) {
                bouncer.close();
                throw e;
            }
        }
    }

    /** JDBC URL with the user as a parameter. */
    public String url(String database) {
        return "jdbc:postgresql://" + LoopbackPort.ADDRESS + ":" + port.number() + "/" + database
                + "?user=postgres&password=postgres";
    }

    public int port() {
        return port.number();
    }

    /** What it has logged so far. */
    public String log() {
        return daemon.log();
    }

    /** Starts it again after {@link #kill9}; returns when it accepts connections. */
    public synchronized void start() {
        if (closed) {
            throw new IllegalStateException("closed");
        }
        daemon.start();
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(20))
                .atMost(LIMIT)
                .until(() -> {
                    if (!daemon.isAlive()) {
                        throw new IllegalStateException("PgBouncer did not start:\n" + log());
                    }
                    return accepts();
                });
    }

    /** Lets transactions under way end (in session mode: sessions), and keeps waiting whoever wants to begin one. */
    public void pause() {
        signal("USR1");
    }

    /** Ends {@link #pause}. */
    public void resume() {
        signal("USR2");
    }

    /** SIGKILL: the sockets of all clients and server connections close without a word. */
    public synchronized void kill9() {
        daemon.end("KILL");
    }

    /** Drops all clients, and starts it again; also after {@link #kill9}. */
    public synchronized void restart() {
        daemon.end("TERM");
        start();
    }

    /** Kills it and removes its files. Idempotent. */
    @Override
    public void close() {
        destroy();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // the hook runs already
        }
    }

    private synchronized void destroy() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            daemon.end("KILL");
            PgBinaries.deleteTree(directory);
        } catch (IOException | IllegalStateException e) {
            throw new IllegalStateException("could not remove the PgBouncer in " + directory, e);
        }
    }

    private void configure(String host, int serverPort, Map<String, String> settings) {
        StringBuilder ini = new StringBuilder(
                """
                [databases]
                * = host=%s port=%d auth_user=postgres
                [pgbouncer]
                listen_addr = %s
                listen_port = %d
                unix_socket_dir =
                auth_type = trust
                auth_file = %s
                """.formatted(host, serverPort, LoopbackPort.ADDRESS, port.number(), directory.resolve("users")));
        settings.forEach(
                (name, value) -> ini.append(name).append(" = ").append(value).append('\n'));
        try {
            // Others than these it looks up on the server, as auth_user.
            Files.writeString(directory.resolve("users"), "\"postgres\" \"postgres\"\n");
            Files.writeString(directory.resolve("pgbouncer.ini"), ini);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean accepts() {
        try (Socket probe = new Socket(LoopbackPort.ADDRESS, port.number())) {
            return probe.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    /** Its log says when it has acted upon it. The console would do too, were it not for the settings pgjdbc makes. */
    private void signal(String signal) {
        String line = "got SIG" + signal;
        long before = count(line);
        daemon.signal(signal);
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(10))
                .atMost(LIMIT)
                .until(() -> count(line) > before);
    }

    private long count(String line) {
        return log().lines().filter(logged -> logged.contains(line)).count();
    }
}
