package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.TypeConversionException;

@PostgresTest
@Timeout(60)
class MonitoringTest {

    private final TestDatabase database;

    @TempDir
    Path folder;

    MonitoringTest(TestDatabase database) {
        this.database = database;
    }

    private Outcome work(String... http) throws IOException {
        String[] args = new String[4 + http.length];
        args[0] = "work";
        args[1] = "--until-empty";
        args[2] = "--handlers";
        args[3] = HandlersFolder.write(folder, EchoHandlers.class).toString();
        System.arraycopy(http, 0, args, 4, http.length);
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), args);
    }

    @Test
    void http_portAskedForIsTaken_fails() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            work("--http", address)
                    .failed(
                            1,
                            "Dashboard, health and metrics can't be served on " + address + ": Address already in use");
        }
    }

    @Test
    void http_hostThatIsNotThere_fails() throws IOException {
        work("--http", "no-such-host.invalid:8484").failed(1, "no-such-host.invalid:8484");
    }

    @Test
    void http_defaultPortTaken_goesOnWithout() throws IOException {
        try (ServerSocket taken = new ServerSocket()) {
            taken.setReuseAddress(true);
            try {
                taken.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8484));
            } catch (IOException takenByAnother) {
                // as good for this test
            }
            assertThat(warned(() -> work().done()))
                    .singleElement()
                    .asString()
                    .startsWith(
                            "Dashboard, health and metrics can't be served on 127.0.0.1:8484: Address already in use")
                    .contains("The worker goes on without");
        }
    }

    @FunctionalInterface
    private interface Run {
        void run() throws IOException;
    }

    private static List<String> warned(Run run) throws IOException {
        Logger logger = (Logger) LoggerFactory.getLogger(Monitoring.class);
        ListAppender<ILoggingEvent> appender = new ListAppender<>();
        appender.start();
        logger.addAppender(appender);
        try {
            run.run();
        } finally {
            logger.detachAppender(appender);
        }
        return appender.list.stream()
                .filter(event -> event.getLevel() == Level.WARN)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    @Test
    void address_forms_areRead() {
        assertThat(address("off")).isNull();
        assertThat(address("OFF")).isNull();
        assertThat(address("127.0.0.1:8484")).isEqualTo(new InetSocketAddress("127.0.0.1", 8484));
        assertThat(address("[::1]:0")).isEqualTo(new InetSocketAddress("::1", 0));
        for (String wrong : new String[] {"", "8484", ":8484", "host:", "host:x", "host:65536", "::1:8484", "on"}) {
            assertThatThrownBy(() -> address(wrong))
                    .as(wrong)
                    .isInstanceOf(TypeConversionException.class)
                    .hasMessageContaining("HOST:PORT");
        }
    }

    private static InetSocketAddress address(String text) {
        return new HttpAddress.Converter().convert(text).socket();
    }
}
