package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.State;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.SmallDisk;
import dev.millrace.worker.handler.Result;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The disk of the server is full: that of the tables, with which it lives on, or that of its log, with which it does not. */
class DiskFullTest {

    record Text(String text) {}

    private static final JobType<Text> TEXT = JobType.of("text", Text.class);
    private static final Duration SOON = Duration.ofSeconds(90);
    /** Handlers are stopped after three quarters of it: five seconds after a beat was due. */
    private static final Duration LEASE = Duration.ofSeconds(10);

    private static final int HELD = 200;

    private final CountDownLatch release = new CountDownLatch(1);

    @BeforeEach
    void needsADisk() {
        SmallDisk.assumeAvailable();
    }

    private Worker worker(Database database) {
        Worker worker = Worker.builder(database.withInstance("w"))
                .handleResult(TEXT, (job, text) -> {
                    release.await();
                    // Outcomes larger than what vacuum may have left free.
                    return Result.done(text);
                })
                .queue("default", HELD)
                .lease(LEASE)
                .build();
        worker.start();
        return worker;
    }

    @Test
    void diskOfTheTablesIsFull_leasesLive_andOutcomesAreWrittenWhenThereIsRoom() throws Exception {
        try (SmallDisk disk = SmallDisk.ofMegabytes(64);
                PgServer server = PgServer.builder().config("autovacuum", "off").start()) {
            execute(server, "postgres", "CREATE TABLESPACE small LOCATION '" + disk.path() + "'");
            execute(server, "postgres", "CREATE DATABASE app TABLESPACE small");
            String url = server.url("app");
            Database database = Database.of(url);
            Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
            try (Millrace millrace = Millrace.connect(database.withInstance("p"));
                    Worker worker = worker(database)) {
                millrace.enqueueAll(TEXT, IntStream.range(0, HELD).mapToObj(i -> new Text(noise(7_000))));
                await().atMost(SOON).until(() -> count(url, "SELECT count(*) FROM millrace.job_running") == HELD);

                disk.fill();
                DatabaseUnavailableException refused = enqueueUntilRefused(millrace);
                assertThat(refused).hasMessageContaining("nothing was inserted").hasMessageContaining("[53100]");
                assertThat(refused.isResultUnknown()).isFalse();
                assertThatThrownBy(() -> millrace.enqueueAll(
                                TEXT, IntStream.range(0, HELD).mapToObj(i -> new Text(noise(7_000)))))
                        .isInstanceOf(DatabaseUnavailableException.class)
                        .hasMessageContaining("[53100]");
                release.countDown();
                // Two leases pass with a full disk.
                long before = transactions(url);
                long beat = heartbeat(url) + 2 * LEASE.toSeconds();
                await().pollInterval(Duration.ofSeconds(1)).atMost(SOON).until(() -> heartbeat(url) > beat);
                assertThat(worker.health().state()).isEqualTo(State.UP);
                assertThat(count(url, "SELECT count(*) FROM millrace.job WHERE state = 'discarded'"))
                        .isZero();
                assertThat(count(url, "SELECT count(*) FROM millrace.job_running"))
                        .as("jobs whose outcome can't be written")
                        .isPositive();
                long asked = transactions(url) - before;

                disk.free();
                long freed = System.nanoTime();
                await().atMost(SOON).until(() -> count(url, "SELECT count(*) FROM millrace.job_running") == 0);
                System.out.printf(
                        "| disk of the tables full for two leases | %d transactions in it | %d leases lost, %d outages | outcomes written %d ms after there is room |%n",
                        asked,
                        worker.metrics().count(Counter.LEASES_LOST),
                        worker.metrics().count(Counter.OUTAGES),
                        Duration.ofNanos(System.nanoTime() - freed).toMillis());
                await().atMost(SOON)
                        .until(() -> count(url, "SELECT count(*) FROM millrace.job WHERE state <> 'completed'") == 0);
                assertThat(count(url, "SELECT max(attempt) FROM millrace.job")).isEqualTo(1);
                assertThat(worker.metrics().count(Counter.LEASES_LOST)).isZero();
                assertThat(worker.metrics().count(Counter.LEASES_ABANDONED)).isZero();
                assertThat(worker.metrics().count(Counter.OUTAGES)).isZero();
                assertThat(asked).isLessThan(600);
            }
        }
    }

    /** The server can't write its log: it ends all sessions and does not come up again until there is room. */
    @Test
    void diskOfTheWriteAheadLogIsFull_isAnOutage_andLosesNothing() throws Exception {
        try (SmallDisk disk = SmallDisk.ofMegabytes(64);
                PgServer server = PgServer.builder()
                        .writeAheadLogOn(disk)
                        .config("max_wal_size", "32MB")
                        .config("min_wal_size", "32MB")
                        .start()) {
            String url = server.url("postgres");
            Database database = Database.of(url).withTimeouts(Timeouts.FAST);
            Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
            Set<Long> acknowledged = new HashSet<>();
            release.countDown();
            try (Millrace millrace = Millrace.connect(database.withInstance("p"));
                    Worker worker = worker(database)) {
                acknowledged.add(millrace.enqueue(TEXT, new Text("first")));
                await().atMost(SOON)
                        .until(() -> count(url, "SELECT count(*) FROM millrace.job WHERE state = 'completed'") == 1);
                disk.fill();
                await().atMost(SOON).pollInterval(Duration.ofMillis(1)).until(() -> {
                    try {
                        acknowledged.add(millrace.enqueue(TEXT, new Text(noise(500_000))));
                    } catch (DatabaseUnavailableException refused) {
                        // The one that made the log full, or one that came after.
                    }
                    return server.log().contains("PANIC");
                });
                assertThat(server.log()).contains("No space left on device");
                await().atMost(SOON).until(() -> !worker.health().ready());

                disk.free();
                long freed = System.nanoTime();
                // It may have tried to recover from its log before there was room, and given up.
                await().atMost(SOON).until(() -> {
                    if (!server.isAlive()) {
                        server.start();
                    }
                    return worker.health().ready();
                });
                System.out.printf(
                        "| disk of the write-ahead log full: PANIC | %d jobs acknowledged | usable %d ms after there is room, restart included |%n",
                        acknowledged.size(),
                        Duration.ofNanos(System.nanoTime() - freed).toMillis());
                await().atMost(SOON)
                        .ignoreExceptions()
                        .until(() -> count(url, "SELECT count(*) FROM millrace.job WHERE state <> 'completed'") == 0);
                assertThat(ids(url)).containsAll(acknowledged);
            }
        }
    }

    /** Small ones go into pages that have room; then none does. */
    private static DatabaseUnavailableException enqueueUntilRefused(Millrace millrace) {
        EnqueueOptions later = TEXT.defaults().in(Duration.ofHours(1));
        for (int i = 0; i < 10_000; i++) {
            try {
                millrace.enqueue(NewJob.of(TEXT, new Text(noise(7_000)), later, new JacksonArgsCodec()));
            } catch (DatabaseUnavailableException refused) {
                return refused;
            }
        }
        throw new AssertionError("the disk does not get full");
    }

    /** What does not compress. */
    private static String noise(int length) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        StringBuilder text = new StringBuilder(length);
        while (text.length() < length) {
            text.append(Long.toString(random.nextLong(), 36));
        }
        return text.toString();
    }

    private static long heartbeat(String url) throws SQLException {
        return count(url, "SELECT extract(epoch FROM max(heartbeat_at))::bigint FROM millrace.worker");
    }

    /** Transactions of the database so far, the test's own included. */
    private static long transactions(String url) throws SQLException {
        return count(
                url, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()");
    }

    private static Set<Long> ids(String url) throws SQLException {
        Set<Long> ids = new HashSet<>();
        try (Connection connection = DriverManager.getConnection(url);
                ResultSet row = connection.createStatement().executeQuery("SELECT id FROM millrace.job")) {
            while (row.next()) {
                ids.add(row.getLong(1));
            }
        }
        return ids;
    }

    private static void execute(PgServer server, String name, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url(name));
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static long count(String url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                ResultSet row = connection.createStatement().executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
