package dev.millrace.connection;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.SocketFactory;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * Hands the raw socket of a connection that is being opened to its {@link Link}. The driver makes an instance by class
 * name with one string, the id of the link; it is public for that reason only.
 */
public final class LinkSocketFactory extends SocketFactory {

    /** Links that are connecting just now, by id: the one thing the driver lets us pass through. */
    private static final Map<String, Link> CONNECTING = new ConcurrentHashMap<>();

    private final @Nullable Link link;

    public LinkSocketFactory(String linkId) {
        this.link = CONNECTING.get(linkId);
    }

    static void register(Link link) {
        CONNECTING.put(link.id(), link);
    }

    static void unregister(Link link) {
        CONNECTING.remove(link.id());
    }

    @Override
    public Socket createSocket() throws IOException {
        if (link != null && link.isDead()) {
            // An attempt that was given up goes on to the next host.
            throw new SocketException("The connection was given up");
        }
        // The driver asks again for a socket to send a cancel on: that one is not the connection's.
        if (link == null || !CONNECTING.containsKey(link.id())) {
            Socket socket = new Socket();
            keepAlive(socket);
            return socket;
        }
        Socket socket = new LinkSocket(link);
        keepAlive(socket);
        link.opening(socket);
        return socket;
    }

    /**
     * Tells its link when it is closed, by whomever: that is the moment from which the connection is in use no more. And answers the
     * driver at once when that asks whether more has arrived: it does so after each notification and in each write of a {@code COPY}, by a
     * read with a limit of a millisecond, for which the notification, or the copy, would wait ({@code PGStream.hasMessagePending}).
     */
    static final class LinkSocket extends Socket {

        private static final int PEEK_MILLIS = 1;

        private final Link link;
        private volatile int limitMillis;

        LinkSocket(Link link) {
            this.link = link;
        }

        @Override
        @SuppressWarnings("UnsynchronizedOverridesSynchronized") // a copy of what the socket keeps under its lock
        public void setSoTimeout(int millis) throws SocketException {
            super.setSoTimeout(millis);
            limitMillis = millis;
        }

        @Override
        public InputStream getInputStream() throws IOException {
            return new FilterInputStream(super.getInputStream()) {

                @Override
                public int read() throws IOException {
                    requireSomethingForPeek();
                    return super.read();
                }

                @Override
                public int read(byte[] bytes, int offset, int length) throws IOException {
                    requireSomethingForPeek();
                    return super.read(bytes, offset, length);
                }

                private void requireSomethingForPeek() throws IOException {
                    if (limitMillis == PEEK_MILLIS && available() == 0) {
                        throw new SocketTimeoutException("Nothing has arrived");
                    }
                }
            };
        }

        @Override
        @SuppressWarnings("UnsynchronizedOverridesSynchronized") // telling the link needs no lock, and must hold none
        public void close() throws IOException {
            try {
                super.close();
            } finally {
                link.socketClosed(this);
            }
        }
    }

    /** The kernel's default sends the first probe after two hours. */
    private static void keepAlive(Socket socket) throws IOException {
        socket.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        if (socket.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
            socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, 10);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, 5);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, 3);
        }
    }

    @Override
    public Socket createSocket(String host, int port) {
        throw new UnsupportedOperationException("The driver connects sockets itself");
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
        throw new UnsupportedOperationException("The driver connects sockets itself");
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
        throw new UnsupportedOperationException("The driver connects sockets itself");
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress localHost, int localPort) {
        throw new UnsupportedOperationException("The driver connects sockets itself");
    }
}
