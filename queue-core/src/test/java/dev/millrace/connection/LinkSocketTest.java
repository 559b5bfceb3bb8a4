package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What the driver asks its socket: whether there is more, and for something to come. */
class LinkSocketTest {

    private static final Link LINK = new Link("test", Link.Role.LISTEN, 1, new ConnectionMetrics(), ended -> {});

    /** A hundred such questions took more than 100 ms, and each notification waited for one. */
    @Test
    void readOfAMillisecond_nothingThere_isAnsweredAtOnce() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket socket = new LinkSocketFactory.LinkSocket(LINK)) {
            socket.connect(server.getLocalSocketAddress());
            socket.setSoTimeout(1);
            InputStream in = socket.getInputStream();

            long quickest = Long.MAX_VALUE;
            for (int round = 0; round < 10; round++) {
                long began = System.nanoTime();
                for (int i = 0; i < 100; i++) {
                    assertThatThrownBy(() -> in.read(new byte[8], 0, 8)).isInstanceOf(SocketTimeoutException.class);
                }
                quickest = Math.min(quickest, System.nanoTime() - began);
            }
            // The machine may pause in some of the rounds.
            assertThat(Duration.ofNanos(quickest)).isLessThan(Duration.ofMillis(90));
        }
    }

    @Test
    void read_somethingThere_isRead() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket socket = new LinkSocketFactory.LinkSocket(LINK)) {
            socket.connect(server.getLocalSocketAddress());
            try (Socket peer = server.accept()) {
                peer.getOutputStream().write(new byte[] {1, 2, 3});
                socket.setSoTimeout(10_000);
                InputStream in = socket.getInputStream();
                assertThat(in.read()).isEqualTo(1);
                socket.setSoTimeout(1);
                assertThat(in.read(new byte[8], 0, 8)).isEqualTo(2);
                socket.setSoTimeout(0);
            }
            assertThat(socket.getInputStream().read()).as("the end").isEqualTo(-1);
        }
    }
}
