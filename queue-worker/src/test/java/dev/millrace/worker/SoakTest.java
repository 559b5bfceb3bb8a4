package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.management.UnixOperatingSystemMXBean;
import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.PgServer;
import java.lang.management.ManagementFactory;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Random faults for as long as {@code -Dsoak.seconds} says: no acknowledged job is lost, none completes twice, and threads,
 * descriptors and heap stay flat. {@code -Dsoak.seed} repeats the order of the faults.
 */
@EnabledIfSystemProperty(
        named = "soak.seconds",
        matches = "\\d+",
        disabledReason = "too slow: -Dsoak.seconds=120 runs it")
class SoakTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int WORKERS = 2;

    /**
     * What the process holds.
     *
     * @param threads live ones
     * @param descriptors open files and sockets
     * @param heapMegabytes after a collection
     */
    private record Footprint(int threads, long descriptors, long heapMegabytes) {

        static Footprint now() {
            System.gc();
            return new Footprint(
                    Thread.getAllStackTraces().size(),
                    ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                            .getOpenFileDescriptorCount(),
                    (Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) >> 20);
        }
    }

    private final Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
    private final Map<Long, AtomicInteger> runs = new ConcurrentHashMap<>();
    private final CountDownLatch stop = new CountDownLatch(1);
    private final AtomicInteger unknown = new AtomicInteger();

    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS)
    void randomFaults_loseNothing_andLeaveNothingBehind() throws Exception {
        int seconds = Integer.getInteger("soak.seconds", 120);
        long seed = Long.getLong("soak.seed", System.nanoTime());
        Random random = new Random(seed);
        // Two to twenty seconds apart; in a short run closer together.
        int longest = seconds >= 600 ? 18_000 : 4_000;
        try (PgServer server = PgServer.builder().start();
                FaultProxy proxy = FaultProxy.to(server.port())) {
            Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                    .migrate();
            Database database = Database.of(proxy.url(server.url("postgres"))).withTimeouts(Timeouts.FAST);
            List<Worker> workers = new ArrayList<>();
            Thread producer = new Thread(() -> produce(database), "producer");
            try {
                for (int i = 0; i < WORKERS; i++) {
                    workers.add(Worker.builder(database.withInstance("soak" + i))
                            .handle(
                                    NUMBER,
                                    (job, number) -> runs.computeIfAbsent(job.id(), id -> new AtomicInteger())
                                            .incrementAndGet())
                            .queue("default", 8)
                            .lease(Duration.ofSeconds(5))
                            .build());
                    workers.get(i).start();
                }
                producer.start();
                await().atMost(SOON).until(() -> acknowledged.size() > 200);
                Footprint early = null;
                int faults = 0;
                long began = System.nanoTime();
                long end = began + TimeUnit.SECONDS.toNanos(seconds);
                while (System.nanoTime() - end < 0) {
                    pause(2_000 + random.nextInt(longest));
                    if (early == null && System.nanoTime() - began > TimeUnit.SECONDS.toNanos(seconds) / 3) {
                        early = Footprint.now();
                    }
                    fault(random, server, proxy);
                    faults++;
                }
                stop.countDown();
                producer.join(SOON.toMillis());
                await().atMost(SOON)
                        .ignoreExceptions()
                        .until(() ->
                                count(server, "SELECT count(*) FROM millrace.job WHERE state <> 'completed'") == 0);
                Footprint late = Footprint.now();
                long jobs = count(server, "SELECT count(*) FROM millrace.job");
                long attempts = count(server, "SELECT sum(attempt) FROM millrace.job");
                System.out.printf(
                        "Soak: %d s, %d faults, %d jobs acknowledged, %d with unknown result, %d there, %d attempts beyond the first, "
                                + "footprint %s then %s, seed %d%n",
                        seconds, faults, acknowledged.size(), unknown.get(), jobs, attempts - jobs, early, late, seed);
                workers.forEach(worker -> System.out.println("Soak: " + worker.metrics()));

                assertThat(missing(server))
                        .as("acknowledged jobs that are not there, seed " + seed)
                        .isZero();
                assertThat(count(server, "SELECT count(*) - count(DISTINCT id) FROM millrace.job"))
                        .isZero();
                assertThat(jobs).isBetween((long) acknowledged.size(), (long) acknowledged.size() + unknown.get());
                assertThat(early).isNotNull();
                assertThat(late.threads()).isLessThanOrEqualTo(early.threads() + 10);
                assertThat(late.descriptors()).isLessThanOrEqualTo(early.descriptors() + 20);
                assertThat(late.heapMegabytes()).isLessThanOrEqualTo(early.heapMegabytes() * 2 + 64);
                assertThat(count(
                                server,
                                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'millrace/%'"
                                        + " AND state LIKE 'idle in transaction%'"))
                        .isZero();
            } finally {
                stop.countDown();
                proxy.heal();
                workers.forEach(Worker::close);
                producer.join(SOON.toMillis());
            }
        }
    }

    private void fault(Random random, PgServer server, FaultProxy proxy) throws SQLException {
        int lasting = 500 + random.nextInt(4_000);
        switch (random.nextInt(11)) {
            case 0 -> proxy.reset();
            case 1 -> proxy.finish(random.nextBoolean() ? Direction.TO_CLIENT : Direction.TO_SERVER);
            case 2 -> lasting(proxy, proxy::refuse, lasting);
            case 3 -> lasting(proxy, proxy::blackHole, lasting);
            case 4 -> lasting(proxy, () -> proxy.blackHole(Direction.TO_CLIENT), lasting);
            case 5 -> lasting(proxy, () -> proxy.blackHole(Direction.TO_SERVER), lasting);
            case 6 -> lasting(proxy, () -> proxy.stall(Direction.TO_SERVER), lasting);
            case 7 -> proxy.truncate(Direction.TO_CLIENT, 3);
            case 8 -> {
                server.pause();
                pause(lasting);
                server.resume();
            }
            case 9 -> {
                server.stopImmediate();
                server.start();
            }
            default ->
                count(
                        server,
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'millrace/%'");
        }
    }

    private void lasting(FaultProxy proxy, Runnable fault, int millis) {
        fault.run();
        pause(millis);
        proxy.heal();
    }

    /** Time passes while a fault lasts, or between two: there is nothing to wait for but that. */
    private void pause(int millis) {
        CountDownLatch never = new CountDownLatch(1);
        try {
            if (never.await(millis, TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException("nobody counts down");
            }
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private void produce(Database database) {
        try (Millrace millrace = Millrace.connect(database.withInstance("soak-producer"))) {
            for (int i = 0; stop.getCount() > 0; i++) {
                try {
                    acknowledged.add(millrace.enqueue(NUMBER, new Number(i)));
                    pause(3);
                } catch (DatabaseUnavailableException away) {
                    if (away.isResultUnknown()) {
                        unknown.incrementAndGet();
                    }
                    pause(50);
                }
            }
        }
    }

    private long missing(PgServer server) throws SQLException {
        Set<Long> there = ConcurrentHashMap.newKeySet();
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT id FROM millrace.job")) {
            while (row.next()) {
                there.add(row.getLong(1));
            }
        }
        return acknowledged.stream().filter(id -> !there.contains(id)).count();
    }

    private static long count(PgServer server, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url("postgres"));
                ResultSet row = connection.createStatement().executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
