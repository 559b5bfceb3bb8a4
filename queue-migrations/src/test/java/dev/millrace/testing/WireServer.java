package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Speaks the PostgreSQL protocol on 127.0.0.1 as a {@link WireScript} says: for what no real server does on demand. No
 * TLS, no passwords, no data; simple and extended protocol, where {@code Execute} always returns all rows. Safe for use
 * by many threads; its own are named {@code wire-server-…} and end with {@link #close}.
 */
public final class WireServer implements AutoCloseable {

    private static final long LIMIT_MILLIS = 20_000;

    private final WireScript script;
    private final ServerSocket listener;
    private final Thread acceptor;
    private final List<WireSession> sessions = new CopyOnWriteArrayList<>();
    private final List<String> queries = new CopyOnWriteArrayList<>();
    private final AtomicInteger connects = new AtomicInteger();
    private volatile boolean closed;

    WireServer(WireScript script) {
        this.script = script;
        try {
            listener = new ServerSocket();
            listener.setReuseAddress(true);
            listener.bind(new InetSocketAddress(
                    InetAddress.getByName(LoopbackPort.ADDRESS),
                    LoopbackPort.free().number()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        acceptor = new Thread(this::accept, "wire-server-" + listener.getLocalPort());
        acceptor.setDaemon(true);
        acceptor.start();
    }

    public static WireScript script() {
        return new WireScript();
    }

    public int port() {
        return listener.getLocalPort();
    }

    /** JDBC URL with the user as a parameter. */
    public String url() {
        return "jdbc:postgresql://" + LoopbackPort.ADDRESS + ":" + port() + "/wire?user=wire&sslmode=disable";
    }

    /** Sessions started so far, not counting requests to cancel. */
    public int connects() {
        return connects.get();
    }

    /** Sessions whose connection is open. */
    public int open() {
        return sessions.size();
    }

    /** Texts of all queries executed so far, in order. */
    public List<String> queries() {
        return List.copyOf(queries);
    }

    /** Sends a notification to every session that waits for a query outside of a transaction; returns how many. */
    public int notify(String channel, String payload) {
        return push(WireStep.notificationResponse(channel, payload));
    }

    /** As {@link #notify}, but any steps: half a notification, a FATAL, the end. */
    public int push(WireStep... steps) {
        int count = 0;
        for (WireSession session : sessions) {
            count += session.push(List.of(steps)) ? 1 : 0;
        }
        return count;
    }

    /** Resets (RST) the connections present, silent ones too. */
    public void reset() {
        sessions.forEach(WireSession::reset);
    }

    /** Resets all connections and ends all threads. Idempotent. */
    @Override
    public void close() {
        closed = true;
        try {
            listener.close();
            acceptor.join(LIMIT_MILLIS);
            for (WireSession session : sessions) {
                session.reset();
                session.thread().join(LIMIT_MILLIS);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    WireScript rules() {
        return script;
    }

    void started() {
        connects.incrementAndGet();
    }

    void executed(String query) {
        queries.add(query);
    }

    void ended(WireSession session) {
        sessions.remove(session);
    }

    private void accept() {
        while (!closed) {
            try {
                Socket socket = listener.accept();
                socket.setTcpNoDelay(true);
                WireSession session = new WireSession(this, socket);
                sessions.add(session);
                session.thread().start();
            } catch (IOException e) {
                if (!closed) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }
}
