package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.State;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.PatroniCluster;
import dev.millrace.testing.TestSignal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A real cluster changes its primary under a busy worker, by plan and by kill -9. */
class FailoverTest {

    record Number(int n) {}

    private static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    private static final Duration SOON = Duration.ofSeconds(90);

    private final Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
    private final AtomicLong gap = new AtomicLong();
    private final TestSignal<ConnectionEvent> events = new TestSignal<>();

    @Test
    void primaryChanges_workGoesOnAtTheNewOne() throws Exception {
        PatroniCluster.assumeInstalled();
        try (PatroniCluster cluster = PatroniCluster.start(false)) {
            survives(cluster, cluster.url("postgres"), "both hosts in the URL");
        }
    }

    @Test
    void primaryChangesBehindHaproxy_workGoesOnAtTheNewOne() throws Exception {
        PatroniCluster.assumeInstalled();
        try (PatroniCluster cluster = PatroniCluster.start()) {
            survives(cluster, cluster.haproxyUrl("postgres"), "by HAProxy");
        }
    }

    /** A way that leads to the node that was demoted, as by an HAProxy that has not looked: nothing is written there. */
    @Test
    void wayLeadsToTheDemotedNode_isNotUsed_untilItIsPrimaryAgain() throws Exception {
        PatroniCluster.assumeInstalled();
        try (PatroniCluster cluster = PatroniCluster.start(false);
                FaultProxy stale = FaultProxy.to(cluster.primaryPort())) {
            Migrator.of(Database.of(cluster.url("postgres")).unpooled(), SchemaName.DEFAULT)
                    .migrate();
            int former = cluster.primaryPort();
            Database database = Database.of(
                            "jdbc:postgresql://127.0.0.1:" + stale.port() + "/postgres?user=postgres&password=postgres")
                    .withTimeouts(Timeouts.FAST);
            try (Millrace millrace = Millrace.builder(database).onEvent(events).connect()) {
                millrace.enqueue(NUMBER, new Number(1));

                cluster.switchover();
                assertThat(cluster.primaryPort()).isNotEqualTo(former);
                await().atMost(SOON)
                        .until(() ->
                                String.valueOf(millrace.health().lastError()).contains("read-only"));
                long refused = millrace.health().epoch();
                // More than one where the machine was slow to answer before.
                long usable = timesUsable();
                await().atMost(SOON).until(() -> millrace.health().epoch() > refused + 1);
                assertThat(millrace.health().ready()).isFalse();
                assertThatThrownBy(() -> millrace.enqueue(NUMBER, new Number(2)))
                        .isInstanceOf(DatabaseUnavailableException.class);
                assertThat(timesUsable()).isEqualTo(usable).isPositive();

                cluster.switchover();
                assertThat(cluster.primaryPort()).isEqualTo(former);
                await().atMost(SOON).until(() -> millrace.health().ready());
                millrace.enqueue(NUMBER, new Number(3));
                assertThat(count(cluster, "SELECT count(*) FROM millrace.job")).isEqualTo(2);
            }
        }
    }

    private long timesUsable() {
        return events.all().stream()
                .filter(event -> event instanceof ConnectionEvent.LinkUp)
                .count();
    }

    private void survives(PatroniCluster cluster, String url, String way) throws Exception {
        Database database = Database.of(url).withTimeouts(Timeouts.FAST);
        Migrator.of(database.unpooled(), SchemaName.DEFAULT).migrate();
        AtomicBoolean stop = new AtomicBoolean();
        Thread producer = new Thread(() -> produce(database, stop), "producer");
        try (Worker worker = Worker.builder(database)
                .handle(NUMBER, (job, number) -> {})
                .queue("default", 4)
                .lease(Duration.ofSeconds(10))
                .onEvent(events)
                .build()) {
            worker.start();
            await().atMost(SOON).until(() -> worker.health().state() == State.UP);
            producer.start();
            await().atMost(SOON).until(() -> acknowledged.size() > 50);

            cluster.switchover();
            int switched = acknowledged.size();
            await().atMost(SOON).until(() -> acknowledged.size() > switched + 50);
            // The replica was streaming and the old primary stopped in order: nothing that was acknowledged is lost,
            // nor
            // was any of it accepted by the node that was demoted.
            Set<Long> before = Set.copyOf(acknowledged);
            await().atMost(SOON).until(() -> completed(cluster, before));

            System.out.printf(
                    "Failover, %s: longest gap between two acknowledged jobs, switchover %d ms, of %d none lost%n",
                    way, gap.getAndSet(0), before.size());

            cluster.killPrimary();
            int killed = acknowledged.size();
            await().atMost(SOON).until(() -> acknowledged.size() > killed + 50);
            await().atMost(SOON).until(() -> worker.health().state() == State.UP);
            System.out.printf(
                    "Failover, %s: longest gap between two acknowledged jobs, primary killed %d ms%n", way, gap.get());
            stop.set(true);
            producer.join();
            // Replication is asynchronous, so the last jobs before the kill may be gone; all that are there get done.
            await().atMost(SOON)
                    .until(() -> count(cluster, "SELECT count(*) FROM millrace.job WHERE state <> 'completed'") == 0);
            assertThat(count(cluster, "SELECT count(*) - count(DISTINCT id) FROM millrace.job"))
                    .isZero();
            assertThat(events.all()).anyMatch(event -> event instanceof ConnectionEvent.LinkLost);
        } finally {
            stop.set(true);
            producer.join(SOON.toMillis());
        }
    }

    private void produce(Database database, AtomicBoolean stop) {
        try (Millrace millrace = Millrace.connect(database)) {
            long last = System.nanoTime();
            for (int i = 0; !stop.get(); i++) {
                try {
                    acknowledged.add(millrace.enqueue(NUMBER, new Number(i)));
                    long now = System.nanoTime();
                    gap.accumulateAndGet(Duration.ofNanos(now - last).toMillis(), Math::max);
                    last = now;
                    await().pollDelay(Duration.ofMillis(5)).until(() -> true);
                } catch (DatabaseUnavailableException away) {
                    await().pollDelay(Duration.ofMillis(100)).until(() -> true);
                }
            }
        }
    }

    private static boolean completed(PatroniCluster cluster, Set<Long> ids) throws SQLException {
        try (Connection connection = DriverManager.getConnection(cluster.url("postgres"));
                var statement = connection.prepareStatement(
                        "SELECT count(*) FROM millrace.job WHERE id = ANY (?) AND state = 'completed'")) {
            statement.setArray(1, connection.createArrayOf("bigint", ids.toArray()));
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1) == ids.size();
            }
        }
    }

    private static long count(PatroniCluster cluster, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(cluster.url("postgres"));
                ResultSet row = connection.createStatement().executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }
}
