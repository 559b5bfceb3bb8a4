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
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker in a network namespace of its own is cut off for longer than its lease, by rules of the kernel and by its link. */
class PartitionTest {

    private static final Duration SOON = Duration.ofSeconds(90);
    /** The last quarter of it is more than a machine stalls for. */
    private static final int LEASE_SECONDS = 16;

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
