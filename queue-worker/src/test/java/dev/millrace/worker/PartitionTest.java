package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.NetworkNamespace;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.PartitionedProgram.Number;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.opentest4j.TestAbortedException;

/** A worker in a network namespace of its own is cut off for longer than its lease, by rules of the kernel and by its link. */
class PartitionTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int LEASE_SECONDS = 6;

    @Test
    void workerCutOffForLongerThanItsLease_stopsItsJobInTime_andAnotherRunsIt() throws Exception {
        NetworkNamespace.assumeAvailable();
        try (NetworkNamespace namespace = NetworkNamespace.open();
                PgServer server = PgServer.builder().reachableFrom(namespace).start()) {
            Database database = Database.of(server.url("postgres"));
            Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
            try (Millrace millrace = Millrace.connect(database);
                    JavaProcess process = JavaProcess.main(
                                    System.getProperty("java.class.path"),
                                    PartitionedProgram.class.getName(),
                                    server.url(namespace, "postgres"),
                                    String.valueOf(LEASE_SECONDS))
                            .options("-Xmx128m", "-XX:TieredStopAtLevel=1")
                            .prefix(namespace.prefix())
                            .start()) {
                process.awaitStdout("LinkUp", SOON);
                // Rescue waits for one lease after the server's start.
                millrace.enqueue(PartitionedProgram.LONG, new Number(1));
                process.awaitStdout("running 1", SOON);

                long cut = System.nanoTime();
                namespace.blackHole();
                TestSignal<Integer> ranAgain = new TestSignal<>();
                try (Worker other = Worker.builder(database)
                        .handle(PartitionedProgram.LONG, (job, number) -> ranAgain.accept(job.attempt()))
                        .lease(Duration.ofSeconds(LEASE_SECONDS))
                        .build()) {
                    other.start();
                    process.awaitStdout("LeaseAtRisk", SOON);
                    process.awaitStdout("cancelled after ", SOON);
                    Duration cancelled = Duration.ofNanos(System.nanoTime() - cut);
                    assertThat(cancelled).isLessThan(Duration.ofSeconds(LEASE_SECONDS));
                    assertThat(ranAgain.all()).isEmpty();
                    assertThat(ranAgain.await(SOON)).isEqualTo(2);
                    await().atMost(SOON).until(() -> state(server).equals("completed 2"));

                    namespace.heal();
                    // It comes back by itself, finds its lease gone, and changes nothing.
                    await().atMost(SOON).until(() -> process.stdout().split("LinkUp", -1).length > 2);
                    millrace.enqueue(PartitionedProgram.LONG, new Number(2));
                    await().atMost(SOON).until(() -> state(server).startsWith("completed"));
                    assertThat(ranAgain.all()).contains(2);
                }
            }
        }
    }

    /** It can't cancel what it does not know to be over: only the fence stands between its late result and the job. */
    @Test
    void workerFrozenForLongerThanItsLease_changesNothingWhenItWakes() throws Exception {
        try (PgServer server = PgServer.builder().start()) {
            Database database = Database.of(server.url("postgres"));
            Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
            try (Millrace millrace = Millrace.connect(database);
                    JavaProcess process = JavaProcess.main(
                                    System.getProperty("java.class.path"),
                                    PartitionedProgram.class.getName(),
                                    server.url("postgres"),
                                    String.valueOf(LEASE_SECONDS))
                            .options("-Xmx128m", "-XX:TieredStopAtLevel=1")
                            .start()) {
                process.awaitStdout("LinkUp", SOON);
                millrace.enqueue(PartitionedProgram.LONG, new Number(1));
                process.awaitStdout("running 1", SOON);
                process.pause();
                TestSignal<Integer> ranAgain = new TestSignal<>();
                try (Worker other = Worker.builder(database)
                        .handle(PartitionedProgram.LONG, (job, number) -> ranAgain.accept(job.attempt()))
                        .lease(Duration.ofSeconds(LEASE_SECONDS))
                        .build()) {
                    other.start();
                    assertThat(ranAgain.await(SOON)).isEqualTo(2);
                    await().atMost(SOON).until(() -> state(server).equals("completed 2"));
                    process.resume();
                    process.awaitStdout("cancelled after ", SOON);
                    // Its outcome has come and was rejected when it works on as a worker of a new lease.
                    await().atMost(SOON)
                            .until(() -> process.stderr().contains("changed nothing")
                                    || process.stderr().contains("declared dead"));
                    assertThat(state(server)).isEqualTo("completed 2");
                    assertThat(ranAgain.all()).containsExactly(2);
                }
            }
        }
    }

    /** Leases know the monotonic clock and the server's, and no other. */
    @ParameterizedTest
    @ValueSource(strings = {"+2h", "-2h"})
    void wallClockOfTheWorkerIsWrong_leasesHold(String offset) throws Exception {
        Path faketime = onPath("faketime")
                .orElseThrow(() -> new TestAbortedException("faketime is not installed: run .ci/install-tools"));
        try (PgServer server = PgServer.builder().start()) {
            Database database = Database.of(server.url("postgres"));
            Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
            try (Millrace millrace = Millrace.connect(database);
                    JavaProcess process = JavaProcess.main(
                                    System.getProperty("java.class.path"),
                                    PartitionedProgram.class.getName(),
                                    server.url("postgres"),
                                    String.valueOf(LEASE_SECONDS))
                            .options("-Xmx128m", "-XX:TieredStopAtLevel=1")
                            .prefix(List.of(faketime.toString(), "-f", offset))
                            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                            .environment("DONT_FAKE_MONOTONIC", "1")
                            .start();
                    Worker other = Worker.builder(database)
                            .handle(PartitionedProgram.LONG, (job, number) -> {
                                throw new IllegalStateException("the job was taken from its worker");
                            })
                            .queue("elsewhere", 1)
                            .lease(Duration.ofSeconds(LEASE_SECONDS))
                            .build()) {
                process.awaitStdout("LinkUp", SOON);
                other.start();
                millrace.enqueue(PartitionedProgram.LONG, new Number(1));
                process.awaitStdout("running 1", SOON);
                // For two leases it is renewed, by a process whose clock is far away.
                await().atMost(SOON)
                        .until(() -> count(
                                        server,
                                        "SELECT count(*) FROM millrace.job WHERE state = 'running' AND attempted_at < clock_timestamp() - interval '"
                                                + 2 * LEASE_SECONDS + " s'")
                                == 1);
                assertThat(count(server, "SELECT attempt FROM millrace.job")).isEqualTo(1);
                assertThat(process.stderr()).doesNotContain("declared dead", "cancelled");
            }
        }
    }

    private static Optional<Path> onPath(String program) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** A name that is not there yet, then leads astray, then is right again: each look-up is a fresh one. */
    @Test
    void nameOfTheServerMoves_theNewAddressIsUsedByTheNextAttempt(@TempDir Path folder) throws Exception {
        Path hosts = folder.resolve("hosts");
        Files.writeString(hosts, "127.0.0.1 elsewhere.test\n");
        try (PgServer server = PgServer.builder().start()) {
            Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                    .migrate();
            try (JavaProcess process = JavaProcess.main(
                            System.getProperty("java.class.path"),
                            PartitionedProgram.class.getName(),
                            server.url("postgres").replace("127.0.0.1", "database.test"),
                            String.valueOf(LEASE_SECONDS))
                    .options(
                            "-Xmx128m",
                            "-XX:TieredStopAtLevel=1",
                            "-Djdk.net.hosts.file=" + hosts,
                            "-Dsun.net.inetaddr.ttl=0",
                            "-Dsun.net.inetaddr.negative.ttl=0")
                    .start()) {
                process.awaitStderr("Can't use the database database.test", SOON);
                Files.writeString(hosts, "127.0.0.1 database.test\n");
                process.awaitStdout("LinkUp", SOON);

                await().atMost(SOON).until(() -> count(server, "SELECT count(*) FROM millrace.worker") == 1);

                // Nobody is there; and the sessions at the old address end.
                Files.writeString(hosts, "127.0.0.9 database.test\n");
                server.restart();
                process.awaitStderr("Lost the database database.test", SOON);
                Files.writeString(hosts, "127.0.0.1 database.test\n");
                await().atMost(SOON).until(() -> process.stdout().split("LinkUp", -1).length > 2);
            }
        }
    }

    private static long count(PgServer server, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                ResultSet row = connection.createStatement().executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    private static String state(PgServer server) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                ResultSet row = connection
                        .createStatement()
                        .executeQuery("SELECT state || ' ' || attempt FROM millrace.job ORDER BY id LIMIT 1")) {
            return row.next() ? row.getString(1) : "";
        }
    }
}
