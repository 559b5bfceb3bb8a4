package dev.millrace.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL server that a test may stop, kill, freeze and start again on the same port and data. Listens on loopback
 * only, unless {@link Builder#reachableFrom} says more; superuser {@code postgres}, no password. Runs as root too. Every method returns when its effect is complete,
 * and fails within a minute. Not for concurrent use, except {@link #url}, {@link #port} and {@link #close}.
 *
 * <p>By default it does not sync to disk: a killed server keeps its data, a killed machine would not.
 */
public final class PgServer implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Path directory;
    private final Path binaries;
    private final Map<String, String> config;
    private final Map<String, String> environment;
    private final List<String> clients;
    private final LoopbackPort port = LoopbackPort.free();
    private final Thread hook = new Thread(this::destroy, "stop-test-postgres");
    private final @Nullable TestCertificates certificates;
    private final @Nullable SmallDisk logDisk;
    private volatile @Nullable ProcessFamily postmaster;
    private volatile boolean closed;

    private PgServer(Builder builder) {
        this.config = builder.config;
        this.environment = builder.environment;
        this.clients = builder.clients;
        this.certificates = builder.certificates;
        this.logDisk = builder.logDisk;
        this.binaries = PgBinaries.unpacked();
        try {
            this.directory = Files.createTempDirectory("millrace-pg-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Settings of the new server. */
    public static final class Builder {

        private final Map<String, String> config = new LinkedHashMap<>(Map.of(
                "fsync", "off",
                "full_page_writes", "off",
                "shared_buffers", "64MB",
                "unix_socket_directories", "",
                "listen_addresses", LoopbackPort.ADDRESS));

        private final Map<String, String> environment = new LinkedHashMap<>();
        private final List<String> clients = new ArrayList<>();
        private @Nullable TestCertificates certificates;
        private @Nullable SmallDisk logDisk;

        private Builder() {}

        /** One line of postgresql.conf. */
        public Builder config(String name, String value) {
            config.put(name, value);
            return this;
        }

        public Builder config(Map<String, String> settings) {
            config.putAll(settings);
            return this;
        }

        /** With TLS for those who ask for it, and the valid certificate. The files must stay. */
        public Builder tls(TestCertificates files) {
            certificates = files;
            config.put("ssl", "on");
            config.putAll(certificateConfig(files, TestCertificates.Server.VALID));
            return this;
        }

        /** Lets in what runs inside, by {@link PgServer#url(NetworkNamespace, String)}. */
        public Builder reachableFrom(NetworkNamespace namespace) {
            config.merge("listen_addresses", namespace.outsideAddress(), (known, more) -> known + "," + more);
            clients.add(namespace.insideAddress());
            return this;
        }

        /** Lives by this clock; the machine and all others keep theirs. */
        public Builder clock(FakeClock clock) {
            environment.putAll(clock.environment());
            return this;
        }

        /** Has its write-ahead log, and nothing else, on this disk. */
        public Builder writeAheadLogOn(SmallDisk disk) {
            logDisk = disk;
            return this;
        }

        /** Creates and starts it. */
        public PgServer start() {
            PgServer server = new PgServer(this);
            Runtime.getRuntime().addShutdownHook(server.hook);
            try {
                server.initialise();
                server.start();
                return server;
            } catch (RuntimeException | AssertionError e) {
                server.close();
                throw e;
            }
        }
    }

    /** JDBC URL with the user as a parameter. */
    public String url(String database) {
        return url(LoopbackPort.ADDRESS, database);
    }

    /** The same, as it is reached from inside of the namespace. */
    public String url(NetworkNamespace from, String database) {
        return url(from.outsideAddress(), database);
    }

    private String url(String address, String database) {
        return "jdbc:postgresql://" + address + ":" + port.number() + "/" + database
                + "?user=postgres&password=postgres";
    }

    /**
     * JDBC URL that verifies the server's name and authority.
     *
     * @throws IllegalStateException if the server was built without TLS
     */
    public String verifyFullUrl(String database) {
        return url(database) + certificates().verifyFull();
    }

    public int port() {
        return port.number();
    }

    /** What the server has logged so far. */
    public String log() {
        try {
            return Files.readString(directory.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Whether it runs, be it in recovery; it ends by itself where it can't write its log. */
    public boolean isAlive() {
        ProcessFamily process = postmaster;
        return process != null && process.isAlive();
    }

    /** Starts it again after any kind of end; returns when it accepts connections. */
    public void start() {
        if (closed) {
            throw new IllegalStateException("closed");
        }
        writeConfig();
        ProcessFamily process =
                new ProcessFamily(launch("postgres", "-D", data(), "-p", String.valueOf(port.number())));
        postmaster = process;
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(20))
                .atMost(LIMIT)
                .until(() -> {
                    if (!process.isAlive()) {
                        throw new IllegalStateException("PostgreSQL did not start:\n" + log());
                    }
                    return accepts();
                });
    }

    /** Ends all sessions and stops in order. */
    public void stopFast() {
        stop("INT");
    }

    /** Stops when the last session has ended; fails if none of them does within a minute. */
    public void stopSmart() {
        stop("TERM");
    }

    /** Stops without a checkpoint; the next start recovers from the WAL. */
    public void stopImmediate() {
        stop("QUIT");
    }

    public void restart() {
        stopFast();
        start();
    }

    /** SIGKILL to the postmaster; the other processes notice and end. Returns when all are gone and the port is free. */
    public void killPostmaster() {
        stop("KILL");
    }

    /** SIGKILL to one backend, upon which the server ends all others and recovers. Returns when that one is gone. */
    public void killBackend(int pid) {
        ProcessFamily.signal("KILL", pid);
        await().atMost(LIMIT)
                .until(() ->
                        ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty());
    }

    /** Freezes all processes: connections stay open, and new ones are accepted by the kernel, but nobody answers. */
    public void pause() {
        running().signalAll("STOP");
    }

    /** Ends {@link #pause} and {@link #pauseBackend}. */
    public void resume() {
        running().signalAll("CONT");
    }

    /** Freezes one backend. */
    public void pauseBackend(int pid) {
        ProcessFamily.signal("STOP", pid);
    }

    /**
     * Changes settings that need no restart; returns when new sessions have them.
     *
     * @param namesAndValues name, value, name, value …
     */
    public void reload(String... namesAndValues) {
        for (int i = 0; i < namesAndValues.length; i += 2) {
            config.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        writeConfig();
        String before = loadedAt();
        running().signal("HUP");
        await().pollInterval(Duration.ofMillis(20))
                .atMost(LIMIT)
                .until(() -> !loadedAt().equals(before));
    }

    /** Shows new sessions another certificate, by a reload; those that are open stay. */
    public void useCertificate(TestCertificates.Server certificate) {
        int logged = log().length();
        List<String> changes = new ArrayList<>();
        certificateConfig(certificates(), certificate).forEach((name, value) -> changes.addAll(List.of(name, value)));
        reload(changes.toArray(String[]::new));
        String messages = log().substring(logged);
        if (messages.contains("SSL configuration was not reloaded")) {
            throw new IllegalStateException("certificate not taken:\n" + messages);
        }
    }

    /** Kills it and removes its data. Idempotent; takes a second or so. */
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
            ProcessFamily process = postmaster;
            if (process != null && process.isAlive()) {
                process.end("KILL");
            }
            if (process != null) {
                removeTraces(process);
            }
            PgBinaries.deleteTree(directory);
        } catch (IOException | IllegalStateException e) {
            throw new IllegalStateException("could not remove the server in " + directory, e);
        }
    }

    private void initialise() {
        List<String> arguments = new ArrayList<>(
                List.of("-D", data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"));
        if (logDisk != null) {
            arguments.addAll(List.of("-X", logDisk.path().resolve("wal").toString()));
        }
        Process initdb = launch("initdb", arguments.toArray(String[]::new));
        ProcessFamily.waitFor(initdb);
        if (initdb.exitValue() != 0) {
            throw new IllegalStateException("initdb failed:\n" + log());
        }
        List<String> rules = clients.stream()
                .map(address -> "host all all " + address + "/32 trust")
                .toList();
        try {
            Files.write(Path.of(data(), "pg_hba.conf"), rules, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void stop(String signal) {
        ProcessFamily process = running();
        process.end(signal);
        removeTraces(process);
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(10))
                .atMost(LIMIT)
                .until(port::isFree);
        postmaster = null;
    }

    private void removeTraces(ProcessFamily ended) {
        if (!environment.isEmpty()) {
            FakeClock.removeTraces(ended.pid());
        }
    }

    private ProcessFamily running() {
        ProcessFamily process = postmaster;
        if (process == null) {
            throw new IllegalStateException("PostgreSQL is stopped");
        }
        return process;
    }

    private TestCertificates certificates() {
        TestCertificates files = certificates;
        if (files == null) {
            throw new IllegalStateException("built without TLS");
        }
        return files;
    }

    private static Map<String, String> certificateConfig(TestCertificates files, TestCertificates.Server server) {
        return Map.of(
                "ssl_cert_file", files.certificate(server).toString(),
                "ssl_key_file", files.key(server).toString());
    }

    private Process launch(String program, String... arguments) {
        List<String> command = new ArrayList<>();
        if ("root".equals(System.getProperty("user.name"))) {
            // PostgreSQL refuses to run as root. In a user namespace that maps nobody, root is nobody.
            command.addAll(List.of("unshare", "-U"));
        }
        command.add(binaries.resolve("bin").resolve(program).toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("log").toFile()));
        builder.environment().keySet().removeIf(name -> name.startsWith("PG") || name.startsWith("LC_"));
        builder.environment().put("LC_ALL", "C");
        if (!program.equals("initdb")) {
            builder.environment().putAll(environment);
        }
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String data() {
        return directory.resolve("data").toString();
    }

    private void writeConfig() {
        StringBuilder lines = new StringBuilder();
        config.forEach((name, value) -> lines.append(name)
                .append(" = '")
                .append(value.replace("'", "''"))
                .append("'\n"));
        try {
            Files.writeString(Path.of(data(), "postgresql.auto.conf"), lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean accepts() {
        try (Connection session = DriverManager.getConnection(url("postgres") + "&loginTimeout=5")) {
            return session.isValid(5);
        } catch (SQLException notYet) {
            return false;
        }
    }

    private String loadedAt() {
        try (Connection session = DriverManager.getConnection(url("postgres"));
                Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery("SELECT pg_conf_load_time()::text")) {
            row.next();
            return row.getString(1);
        } catch (SQLException e) {
            throw new SqlFailure("pg_conf_load_time", e);
        }
    }
}
