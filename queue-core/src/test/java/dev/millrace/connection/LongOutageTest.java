package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.PgServer;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * What a minute without the database costs, and a minute in which it comes and goes, or five in a long soak, with the default limits.
 */
@EnabledIfSystemProperty(
        named = "soak.seconds",
        matches = "\\d+",
        disabledReason = "too slow: -Dsoak.seconds=120 runs it")
class LongOutageTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private final PgServer server = PgServer.builder().start();
    private final FaultProxy proxy = FaultProxy.to(server.port());
    private final LogLines log = new LogLines();
    private Supervisor supervisor;
    private AutoCloseable listening;
    private final List<SupervisedLoop> loops = new ArrayList<>();

    @BeforeEach
    void start() {
        Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                .migrate();
        supervisor = Supervisor.start(Database.of(proxy.url(server.url("postgres"))));
        listening = supervisor.listen(new NotificationHandler() {
            @Override
            public void notified(String payload) {
                // Nobody is interested.
            }

            @Override
            public void missed() {
                // Nor in this.
            }
        });
        for (int i = 0; i < 6; i++) {
            loops.add(new SupervisedLoop("load-" + i, supervisor, () -> {
                supervisor.work(connection -> connection.createStatement().execute("SELECT 1"));
                return Duration.ofSeconds(1);
            }));
        }
        loops.forEach(SupervisedLoop::start);
        await().atMost(SOON).until(() -> supervisor.state() == State.UP);
    }

    @AfterEach
    void stop() throws Exception {
        listening.close();
        supervisor.close();
        loops.forEach(SupervisedLoop::close);
        proxy.close();
        server.close();
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    @Test
    void minuteWithoutDatabase_costsLittle() {
        double idle = cpuOf(() -> passes(MINUTE / 3));
        log.start();
        int before = proxy.connects();
        long attemptsBefore = supervisor.metrics().count(ConnectionMetrics.Counter.CONNECT_ATTEMPTS);
        proxy.refuse();
        long[] attempts = new long[2];
        double outage = cpuOf(() -> {
            passes(MINUTE / 4);
            attempts[0] = supervisor.metrics().count(ConnectionMetrics.Counter.CONNECT_ATTEMPTS) - attemptsBefore;
            passes(MINUTE * 3 / 4);
            attempts[1] = supervisor.metrics().count(ConnectionMetrics.Counter.CONNECT_ATTEMPTS) - attemptsBefore;
        });
        proxy.heal();
        long healed = System.nanoTime();
        await().pollInterval(Duration.ofMillis(10)).atMost(SOON).until(supervisor::isUsable);
        long usable = System.nanoTime() - healed;
        int lines = log.stop();
        System.out.printf(
                "| a minute refused | %d attempts in 15 s, %d in 60 s | %d lines ≥ WARN | CPU %.2f %% of a core, idle before %.2f %% | usable after %d ms |%n",
                attempts[0],
                attempts[1],
                lines,
                outage,
                idle,
                Duration.ofNanos(usable).toMillis());
        assertThat(attempts[0]).isLessThanOrEqualTo(15);
        assertThat(attempts[1]).isLessThanOrEqualTo(30);
        assertThat(lines).as(log.toString()).isLessThanOrEqualTo(3);
        assertThat(proxy.connects()).isGreaterThanOrEqualTo(before);
    }

    @Test
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void flapping_isToldOnceAMinute() {
        int minutes = Integer.getInteger("soak.seconds") >= 600 ? 5 : 1;
        log.start();
        long began = System.nanoTime();
        long attemptsBefore = supervisor.metrics().count(ConnectionMetrics.Counter.CONNECT_ATTEMPTS);
        double cpu = cpuOf(() -> {
            for (int i = 0; i < 30 * minutes; i++) {
                proxy.refuse();
                passes(MINUTE / 60);
                proxy.heal();
                passes(MINUTE / 60);
            }
        });
        long attempts = supervisor.metrics().count(ConnectionMetrics.Counter.CONNECT_ATTEMPTS) - attemptsBefore;
        // The machine may pause: then it takes longer, and there are more.
        long seconds = Duration.ofNanos(System.nanoTime() - began).toSeconds() + 1;
        int lines = log.stop();
        System.out.printf(
                "| flapping for %d min | %d attempts, the pool's included | %d lines ≥ WARN | CPU %.2f %% of a core | %d outages |%n",
                minutes, attempts, lines, cpu, supervisor.metrics().count(ConnectionMetrics.Counter.OUTAGES));
        // Two outages told one by one, then that it flaps, and that once a minute.
        assertThat(lines).as(log.toString()).isLessThanOrEqualTo(3 + minutes);
        // The bucket of the supervisor and listener, and what the pool may grow by.
        assertThat(attempts).isLessThanOrEqualTo(10 + seconds / 3 + 10 + seconds);
    }

    private static double cpuOf(Runnable action) {
        long cpu = cpuNanos();
        long began = System.nanoTime();
        action.run();
        return 100.0 * (cpuNanos() - cpu) / (System.nanoTime() - began);
    }

    /** Time passes: there is nothing to wait for but that. */
    private static void passes(long nanos) {
        long end = System.nanoTime() + nanos;
        await().pollDelay(Duration.ofNanos(nanos))
                .atMost(SOON.plusNanos(nanos))
                .until(() -> System.nanoTime() - end >= 0);
    }
}
