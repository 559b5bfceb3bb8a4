package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.PgServer;
import dev.millrace.testing.TestCertificates;
import dev.millrace.testing.TestSignal;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The incidents of other systems that are the reason for this one; the rest of them is in the worker's tests. */
class IncidentTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    /** Notices the blocked writer soon; a slow machine runs into none, which would be a second outage. */
    private static final Timeouts LIMITS = new Timeouts(
            Duration.ofSeconds(2),
            Duration.ofSeconds(5),
            Duration.ofSeconds(6),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5),
            Duration.ofSeconds(8));

    /**
     * River 0.0.24: the close of a listener failed since the TLS close_notify could not be sent, the state stayed "established",
     * and each attempt to connect failed at once, hundreds of times a second. Here a writer is blocked in the full socket of each
     * link, so nothing can say goodbye.
     */
    @Test
    void closeThatFailsUnderTls_doesNotLeaveTheConnectionAlreadyEstablished(@TempDir Path folder) throws Exception {
        TestCertificates certificates = TestCertificates.in(folder);
        LogLines log = new LogLines();
        try (PgServer server = PgServer.builder().tls(certificates).start();
                FaultProxy proxy = FaultProxy.to(server.port())) {
            Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                    .migrate();
            TestSignal<String> seen = new TestSignal<>();
            Database database =
                    Database.of(proxy.url(server.verifyFullUrl("postgres"))).withTimeouts(LIMITS);
            try (Supervisor supervisor = Supervisor.start(database);
                    AutoCloseable listening = supervisor.listen(new NotificationHandler() {
                        @Override
                        public void notified(String payload) {
                            seen.accept(payload);
                        }

                        @Override
                        public void missed() {
                            seen.accept("missed");
                        }
                    })) {
                await().atMost(SOON).until(() -> supervisor.state() == State.UP);
                assertThat(listening).isNotNull();
                log.start();
                int connects = proxy.connects();
                proxy.stall(Direction.TO_SERVER);
                Thread writer = new Thread(() -> {
                    try {
                        supervisor.control(connection -> {
                            try (PreparedStatement statement = connection.prepareStatement("SELECT length(?)")) {
                                statement.setString(1, "x".repeat(60 << 20));
                                return statement.execute();
                            }
                        });
                    } catch (SQLException expected) {
                        seen.accept("writer freed");
                    }
                });
                writer.start();
                // Freed by the raw socket, although neither abort() nor close() would have come back.
                seen.await("writer freed"::equals, SOON);
                await().atMost(SOON).until(() -> !supervisor.isUsable());
                assertThat(proxy.connects() - connects).isLessThanOrEqualTo(10);
                proxy.heal();
                await().atMost(SOON).until(() -> supervisor.state() == State.UP);
                supervisor.control(connection -> connection.createStatement().execute("NOTIFY millrace, 'alive'"));
                seen.await("alive"::equals, SOON);
                writer.join();
                assertThat(log.stop()).as(log.toString()).isEqualTo(1);
                assertThat(supervisor.metrics().count(ConnectionMetrics.Counter.OUTAGES))
                        .isEqualTo(1);
            }
        }
    }
}
