package dev.millrace.worker.http;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Sends bytes as they are, for requests that a proper client refuses to send. */
final class RawHttp {

    private RawHttp() {}

    /** The whole answer to a request, after which the server is asked to close; at most 10 s between two bytes of it. */
    static String send(InetSocketAddress address, String request) throws IOException {
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(10_000);
            socket.connect(address, 5_000);
            socket.getOutputStream()
                    .write(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
                            .getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    /** Its status. */
    static int status(InetSocketAddress address, String request) throws IOException {
        return Integer.parseInt(send(address, request).split(" ", 3)[1]);
    }
}
