package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(90)
class StreamsTest {

    private static final int MOST = 32;
    private static final Duration SOON = Duration.ofSeconds(20);

    private final AtomicInteger asked = new AtomicInteger();
    private final List<Viewer> viewers = new ArrayList<>();
    private WebServer server;
    private HttpRig rig;

    @BeforeEach
    void start() throws IOException {
        Reply large = Reply.of(200, "image/png", new byte[32 * 1024 * 1024]);
        server = HttpRig.local()
                .routes(List.of(
                        Route.page(
                                "/live",
                                request -> Reply.events(
                                        Duration.ofMillis(50),
                                        () -> List.of(
                                                new ServerEvent("count", asked.incrementAndGet() + "\nnext: line")))),
                        Route.page("/quiet", request -> Reply.events(Duration.ofMillis(50), List::of)),
                        Route.page(
                                "/fails",
                                request -> Reply.events(Duration.ofMillis(50), () -> {
                                    throw new IllegalStateException("no more");
                                })),
                        Route.page("/large", request -> large),
                        Route.page("/page", request -> Reply.text(200, "here"))))
                .start();
        rig = new HttpRig(server);
    }

    @AfterEach
    void close() {
        viewers.forEach(Viewer::close);
        server.close();
    }

    /** One client of a stream, as far as a test needs it. */
    private final class Viewer implements AutoCloseable {

        private final Socket socket = new Socket();
        private final BufferedReader lines;

        Viewer(String path) throws IOException {
            socket.setReceiveBufferSize(4096);
            socket.setSoTimeout(20_000);
            socket.connect(new InetSocketAddress("127.0.0.1", server.address().getPort()), 5_000);
            socket.getOutputStream()
                    .write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            viewers.add(this);
        }

        String line() throws IOException {
            return lines.readLine();
        }

        void skipTo(String expected) throws IOException {
            for (String line = line(); !expected.equals(line); line = line()) {
                assertThat(line).as("stream ended before " + expected).isNotNull();
            }
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException failure) {
                throw new AssertionError(failure);
            }
        }
    }

    @Test
    void stream_tellsEventsOneAfterTheOther() throws Exception {
        Viewer viewer = new Viewer("/live");

        assertThat(viewer.line()).isEqualTo("HTTP/1.1 200 OK");
        viewer.skipTo("retry: 5000");
        viewer.skipTo("event: count");
        assertThat(viewer.line()).isEqualTo("data: 1");
        assertThat(viewer.line()).isEqualTo("data: next: line");
        viewer.skipTo("data: 2");
    }

    @Test
    void stream_withNothingNew_givesSignsOfLife() throws Exception {
        Viewer viewer = new Viewer("/quiet");

        viewer.skipTo(":");
        viewer.skipTo(":");
    }

    @Test
    void stream_whoseViewerIsGone_ends() throws Exception {
        Viewer viewer = new Viewer("/live");
        viewer.skipTo("data: 2");
        assertThat(server.runningStreams()).isEqualTo(1);

        viewer.close();
        await().atMost(SOON).until(() -> server.runningStreams() == 0);
    }

    @Test
    void stream_whoseSourceFails_ends() throws Exception {
        Viewer viewer = new Viewer("/fails");

        viewer.skipTo("retry: 5000");
        await().atMost(SOON).until(() -> server.runningStreams() == 0);
    }

    @Test
    void stream_serverCloses_ends() throws Exception {
        Viewer viewer = new Viewer("/live");
        viewer.skipTo("data: 1");

        server.close();
        await().atMost(SOON).until(() -> server.runningStreams() == 0);
        assertThatThrownBy(() -> new Viewer("/live")).isInstanceOf(IOException.class);
    }

    @Test
    void streams_tooMany_areRefusedAndHoldNoOtherRequestUp() throws Exception {
        for (int i = 0; i < MOST; i++) {
            new Viewer("/live").skipTo("retry: 5000");
        }
        assertThat(server.runningStreams()).isEqualTo(MOST);
        assertThat(new Viewer("/live").line()).isEqualTo("HTTP/1.1 503 Service Unavailable");
        assertThat(rig.get("/page").body()).isEqualTo("here\n");

        viewers.get(0).close();
        await().atMost(SOON).until(() -> server.runningStreams() < MOST);
        assertThat(new Viewer("/live").line()).isEqualTo("HTTP/1.1 200 OK");
    }

    @Test
    void clientsThatTakeNothing_areCutOffAndHoldNobodyUpForLong() throws Exception {
        for (int i = 0; i < 40; i++) {
            new Viewer("/large");
        }

        assertThat(rig.get("/page").body()).isEqualTo("here\n");
        Viewer first = viewers.get(0);
        assertThat(bytes(first)).isLessThan(32 * 1024 * 1024);
    }

    /** Until the server ends it, by an end or a reset. */
    private static long bytes(Viewer viewer) {
        long bytes = 0;
        byte[] buffer = new byte[65_536];
        try {
            for (int read = 0; read >= 0; read = viewer.socket.getInputStream().read(buffer)) {
                bytes += read;
            }
        } catch (IOException reset) {
            assertThat(reset).hasMessageContaining("reset");
        }
        return bytes;
    }
}
