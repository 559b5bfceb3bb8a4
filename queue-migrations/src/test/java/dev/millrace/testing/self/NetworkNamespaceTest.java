package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.NetworkNamespace;
import dev.millrace.testing.PgServer;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class NetworkNamespaceTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static NetworkNamespace namespace;
    private static PgServer server;

    @BeforeAll
    static void start() {
        NetworkNamespace.assumeAvailable();
        namespace = NetworkNamespace.open();
        server = PgServer.builder().reachableFrom(namespace).start();
    }

    @AfterAll
    static void close() {
        if (server != null) {
            server.close();
        }
        if (namespace != null) {
            namespace.close();
        }
    }

    @Test
    void blackHole_processInside_standsStillAndGoesOnWhenHealed() {
        try (JavaProcess process = query("")) {
            process.awaitStdout("answer", LIMIT);

            namespace.blackHole();
            awaitStandstill(process);
            assertThat(process.isAlive()).isTrue();

            namespace.heal();
            awaitProgress(process);
        } finally {
            namespace.heal();
        }
    }

    @Test
    void linkDown_processInside_standsStillAndGoesOnWhenUp() {
        try (JavaProcess process = query("")) {
            process.awaitStdout("answer", LIMIT);

            namespace.linkDown();
            awaitStandstill(process);
            assertThat(process.isAlive()).isTrue();

            namespace.linkUp();
            awaitProgress(process);
        } finally {
            namespace.linkUp();
        }
    }

    @Test
    void rejectWithReset_processInside_losesItsConnection() {
        try (JavaProcess process = query("")) {
            process.awaitStdout("answer", LIMIT);

            namespace.rejectWithReset();
            process.awaitStdout("failed 08006", LIMIT);
            try (JavaProcess next = query("")) {
                next.awaitStdout("failed 08001", LIMIT);
            }
        } finally {
            namespace.heal();
        }
    }

    @Test
    void blackHole_connect_timesOut() {
        namespace.blackHole();
        try (JavaProcess process = query("&connectTimeout=1")) {
            process.awaitStdout("failed 08001", LIMIT);
        } finally {
            namespace.heal();
        }
    }

    @Test
    void close_twice_leavesNoInterfaceAndNoOtherNamespaceHarmed() throws SocketException {
        NetworkNamespace another = NetworkNamespace.open();
        assertThat(hasInterface(another.outsideAddress())).isTrue();
        another.blackHole();
        another.close();
        another.close();
        assertThat(hasInterface(another.outsideAddress())).isFalse();
        assertThat(Path.of("/run/netns", another.prefix().get(3))).doesNotExist();

        try (JavaProcess process = query("")) {
            process.awaitStdout("answer", LIMIT);
        }
    }

    private static JavaProcess query(String parameters) {
        return JavaProcess.main(
                        System.getProperty("java.class.path"),
                        QueryProgram.class.getName(),
                        server.url(namespace, "postgres") + parameters)
                .options("-Xmx64m", "-XX:TieredStopAtLevel=1")
                .prefix(namespace.prefix())
                .start();
    }

    /** No answer for half a second, where there were ten. */
    private static void awaitStandstill(JavaProcess process) {
        AtomicReference<String> before = new AtomicReference<>("");
        await().pollInterval(Duration.ofMillis(500)).atMost(LIMIT).until(() -> {
            String now = process.stdout();
            return now.equals(before.getAndSet(now));
        });
    }

    private static void awaitProgress(JavaProcess process) {
        String before = process.stdout();
        await().atMost(LIMIT).until(() -> process.stdout().length() > before.length());
    }

    private static boolean hasInterface(String address) throws SocketException {
        return NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .anyMatch(found -> found.getHostAddress().equals(address));
    }
}
