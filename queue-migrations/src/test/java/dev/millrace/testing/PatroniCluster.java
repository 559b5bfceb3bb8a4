package dev.millrace.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * Two PostgreSQL servers, one of them primary, under Patroni with etcd, and an HAProxy that leads to the primary; all
 * on loopback. Every method returns when its effect is complete, and fails within a minute. Not for concurrent use,
 * except {@link #url}, {@link #haproxyUrl} and {@link #log}.
 */
public final class PatroniCluster implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Path BINARIES = Path.of("/usr/lib/postgresql/15/bin");

    private final Path directory = SystemProgram.unprivilegedDirectory("millrace-patroni-");
    private final LoopbackPort haproxyPort = LoopbackPort.free();
    private final LoopbackPort etcdPort = LoopbackPort.free();
    private final Thread hook = new Thread(this::destroy, "stop-test-patroni");
    private final Daemon etcd;
    private final @Nullable Daemon haproxy;
    private final List<Node> nodes;
    private boolean closed;

    private PatroniCluster(boolean withHaproxy) {
        String etcdUrl = "http://" + LoopbackPort.ADDRESS + ":" + etcdPort.number();
        String peerUrl =
                "http://" + LoopbackPort.ADDRESS + ":" + LoopbackPort.free().number();
        etcd = daemon(
                "etcd",
                "etcd",
                "--data-dir=" + directory.resolve("etcd"),
                "--listen-client-urls=" + etcdUrl,
                "--advertise-client-urls=" + etcdUrl,
                "--listen-peer-urls=" + peerUrl,
                "--initial-advertise-peer-urls=" + peerUrl,
                "--initial-cluster=default=" + peerUrl,
                "--unsafe-no-fsync");
        haproxy = withHaproxy
                ? daemon(
                        "haproxy",
                        "haproxy",
                        "-db",
                        "-f",
                        directory.resolve("haproxy.cfg").toString())
                : null;
        nodes = Stream.of("node0", "node1")
                .map(name -> new Node(
                        name,
                        daemon(name, "patroni", directory.resolve(name + ".yml").toString()),
                        LoopbackPort.free(),
                        LoopbackPort.free(),
                        directory.resolve(name)))
                .toList();
    }

    private record Node(String name, Daemon patroni, LoopbackPort postgres, LoopbackPort rest, Path data) {

        boolean is(String role) {
            try {
                return request("GET", role, "") == 200;
            } catch (IOException notUp) {
                return false;
            }
        }

        int request(String method, String path, String body) throws IOException {
            HttpURLConnection http =
                    (HttpURLConnection) URI.create("http://" + LoopbackPort.ADDRESS + ":" + rest.number() + "/" + path)
                            .toURL()
                            .openConnection();
            http.setConnectTimeout(2_000);
            http.setReadTimeout((int) LIMIT.toMillis());
            http.setRequestMethod(method);
            if (!body.isEmpty()) {
                http.setDoOutput(true);
                try (OutputStream out = http.getOutputStream()) {
                    out.write(body.getBytes(StandardCharsets.UTF_8));
                }
            }
            try {
                return http.getResponseCode();
            } finally {
                http.disconnect();
            }
        }

        /** Patroni first, lest it start the other again. The postmaster is no child of it. */
        void kill() {
            patroni.end("KILL");
            postmaster().ifPresent(ProcessHandle::destroyForcibly);
            await().pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(10))
                    .atMost(LIMIT)
                    .until(postgres::isFree);
        }

        private Optional<ProcessHandle> postmaster() {
            try (Stream<String> lines = Files.lines(data.resolve("postmaster.pid"))) {
                return lines.findFirst().map(String::strip).map(Long::valueOf).flatMap(ProcessHandle::of);
            } catch (IOException stopped) {
                return Optional.empty();
            }
        }
    }

    /** Aborts the test where a program of it is not installed. */
    public static void assumeInstalled() {
        SystemProgram.assume("etcd", "patroni", "haproxy");
        Assumptions.assumeTrue(
                Files.isExecutable(BINARIES.resolve("pg_rewind")),
                "postgresql-15 is not installed: run .ci/install-tools");
    }

    /** With HAProxy. */
    public static PatroniCluster start() {
        return start(true);
    }

    /** Returns when one server is primary and the other follows it. */
    public static PatroniCluster start(boolean withHaproxy) {
        PatroniCluster cluster = new PatroniCluster(withHaproxy);
        Runtime.getRuntime().addShutdownHook(cluster.hook);
        try {
            cluster.startAll();
            return cluster;
        } catch (RuntimeException | AssertionError e) {
            String log = cluster.log();
            cluster.close();
            throw new IllegalStateException("Patroni did not start:\n" + log, e);
        }
    }

    /** JDBC URL that names both servers and goes to the primary. */
    public String url(String database) {
        return "jdbc:postgresql://"
                + nodes.stream()
                        .map(node ->
                                LoopbackPort.ADDRESS + ":" + node.postgres().number())
                        .collect(Collectors.joining(","))
                + "/" + database + "?user=postgres&password=postgres&targetServerType=primary";
    }

    /** JDBC URL of the HAProxy. */
    public String haproxyUrl(String database) {
        if (haproxy == null) {
            throw new IllegalStateException("started without HAProxy");
        }
        return "jdbc:postgresql://" + LoopbackPort.ADDRESS + ":" + haproxyPort.number() + "/" + database
                + "?user=postgres&password=postgres";
    }

    /** Port of the server that is primary now. */
    public int primaryPort() {
        return primary().postgres().number();
    }

    /** Exchanges the roles in order; returns when the other is primary and the former one follows it. */
    public void switchover() {
        Node former = primary();
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(200))
                .atMost(LIMIT)
                // Refused as long as the other is not known to be healthy.
                .until(() -> former.request("POST", "switchover", "{\"leader\":\"" + former.name() + "\"}") == 200);
        awaitRoles();
    }

    /** SIGKILL to the primary and its Patroni. Does not wait for the other, which takes over within some 20 s. */
    public void killPrimary() {
        primary().kill();
    }

    /** What all of its programs have said so far. */
    public String log() {
        return Stream.concat(Stream.of(etcd), nodes.stream().map(Node::patroni))
                .map(daemon -> "--- " + daemon.name() + "\n" + daemon.log())
                .collect(Collectors.joining("\n"));
    }

    /** Kills all and removes their data. Idempotent. */
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
            if (haproxy != null) {
                haproxy.end("KILL");
            }
            nodes.forEach(Node::kill);
            etcd.end("KILL");
            PgBinaries.deleteTree(directory);
        } catch (IOException | IllegalStateException e) {
            throw new IllegalStateException("could not remove the cluster in " + directory, e);
        }
    }

    private Daemon daemon(String name, String program, String... arguments) {
        Path path = SystemProgram.find(program)
                .orElseThrow(() -> new IllegalStateException(program + " is not installed: run .ci/install-tools"));
        return new Daemon(directory, name, SystemProgram.unprivileged(path, arguments));
    }

    private void startAll() {
        try {
            for (Node node : nodes) {
                Files.writeString(directory.resolve(node.name() + ".yml"), patroniConfig(node));
            }
            Files.writeString(directory.resolve("haproxy.cfg"), haproxyConfig());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        etcd.start();
        await().pollInterval(Duration.ofMillis(50)).atMost(LIMIT).until(() -> accepts(etcdPort));
        nodes.forEach(node -> node.patroni().start());
        awaitRoles();
        if (haproxy != null) {
            haproxy.start();
            await().pollInterval(Duration.ofMillis(50)).atMost(LIMIT).until(this::leadsToThePrimary);
        }
    }

    /** HAProxy takes every server for up until it has looked, and meanwhile leads to them in turn. */
    private boolean leadsToThePrimary() {
        for (int way = 0; way < 2 * nodes.size(); way++) {
            try (Connection session =
                            DriverManager.getConnection(haproxyUrl("postgres") + "&loginTimeout=5&socketTimeout=5");
                    Statement statement = session.createStatement();
                    ResultSet row = statement.executeQuery("SELECT pg_is_in_recovery()")) {
                if (!row.next() || row.getBoolean(1)) {
                    return false;
                }
            } catch (SQLException notYet) {
                return false;
            }
        }
        return true;
    }

    /** A replica that runs but does not stream yet lacks what was committed: a switchover to it would lose that. */
    private void awaitRoles() {
        await().pollInterval(Duration.ofMillis(100))
                .atMost(LIMIT)
                .until(() -> nodes.stream().anyMatch(node -> node.is("replica"))
                        && nodes.stream().anyMatch(node -> node.is("primary"))
                        && isStreaming());
    }

    private boolean isStreaming() {
        try (Connection session = DriverManager.getConnection(url("postgres") + "&loginTimeout=5&socketTimeout=5");
                Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND usename = 'replicator'"
                                + " AND application_name LIKE 'node%'")) {
            return row.next() && row.getInt(1) == 1;
        } catch (SQLException notYet) {
            return false;
        }
    }

    private Node primary() {
        // Patroni takes its primary back for some seconds when it could not renew its lock in time.
        return await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(100))
                .atMost(LIMIT)
                .until(() -> nodes.stream().filter(node -> node.is("primary")).findFirst(), Optional::isPresent)
                .orElseThrow();
    }

    private static boolean accepts(LoopbackPort port) {
        try (Socket probe = new Socket(LoopbackPort.ADDRESS, port.number())) {
            return probe.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    /** Patroni wants loop_wait + 2 * retry_timeout within ttl, a ttl of 20 at least, and a retry_timeout of 3. */
    private String patroniConfig(Node node) {
        return """
                scope: millrace
                name: %1$s
                restapi:
                  listen: 127.0.0.1:%2$d
                  connect_address: 127.0.0.1:%2$d
                etcd3:
                  host: 127.0.0.1:%3$d
                bootstrap:
                  dcs:
                    ttl: 20
                    loop_wait: 1
                    retry_timeout: 3
                    postgresql:
                      use_pg_rewind: true
                      parameters: {fsync: 'off', shared_buffers: 32MB, max_connections: 100}
                  initdb: [{encoding: UTF8}, {locale: C}]
                postgresql:
                  listen: 127.0.0.1:%4$d
                  connect_address: 127.0.0.1:%4$d
                  data_dir: %5$s
                  bin_dir: %6$s
                  pgpass: %5$s.pgpass
                  authentication:
                    superuser: {username: postgres, password: postgres}
                    replication: {username: replicator, password: replicator}
                  parameters: {unix_socket_directories: ''}
                  pg_hba:
                    - host all all 127.0.0.1/32 trust
                    - host replication all 127.0.0.1/32 trust
                """.formatted(
                        node.name(),
                        node.rest().number(),
                        etcdPort.number(),
                        node.postgres().number(),
                        node.data(),
                        BINARIES);
    }

    private String haproxyConfig() {
        return """
                defaults
                  mode tcp
                  timeout connect 2s
                  timeout client 1h
                  timeout server 1h
                listen primary
                  bind 127.0.0.1:%d
                  option httpchk GET /primary
                  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
                """.formatted(haproxyPort.number())
                + nodes.stream()
                        .map(node -> "  server %s 127.0.0.1:%d check port %d\n"
                                .formatted(
                                        node.name(),
                                        node.postgres().number(),
                                        node.rest().number()))
                        .collect(Collectors.joining());
    }
}
