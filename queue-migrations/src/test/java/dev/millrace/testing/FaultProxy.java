package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A TCP proxy on 127.0.0.1 whose network a test may break and heal. Safe for use by many threads; every method returns
 * when its effect is in place. One thread, {@code fault-proxy-<port>}, carries all connections, and {@link #close} ends
 * it.
 *
 * <p>{@link #refuse}, {@link #blackHole}, {@link #stall}, {@link #slow} and {@link #atHandshake} last until
 * {@link #heal}; they add up, except that the later of black hole and stall in one direction replaces the earlier. The
 * others happen once, to the connections present. A connection that lost bytes, got bytes that nobody sent, or was
 * there during a black hole is of no use any more: {@link #heal} resets it.
 *
 * <p>A target that refuses is seen by the client as a connection that is reset.
 */
public final class FaultProxy implements AutoCloseable {

    /** Which way the bytes of a connection flow. */
    public enum Direction {
        TO_SERVER,
        TO_CLIENT
    }

    /** What a connection meets that asks for TLS; all but {@link #PASS} and {@link #REFUSE_TLS} keep the server out. */
    public enum Handshake {
        /** The server answers. */
        PASS,
        /** {@code N}, and on to the server in plain text if the client still wants to. */
        REFUSE_TLS,
        /** {@code S}, then silence. */
        STALL,
        /** {@code S}, then 64 bytes in place of the ServerHello, random but always the same; then silence. */
        GARBAGE,
        /** {@code S}, then the fatal alert handshake_failure in place of the ServerHello; then silence. */
        ALERT,
        /** {@code S}, then FIN. */
        FIN
    }

    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final InetSocketAddress target;
    private final LoopbackPort port = LoopbackPort.free();
    private final FaultRules rules = new FaultRules();
    private final List<FaultConnection> connections = new ArrayList<>();
    private final AtomicInteger connects = new AtomicInteger();
    private final AtomicInteger open = new AtomicInteger();
    private final Queue<FutureTask<?>> commands = new ConcurrentLinkedQueue<>();
    private final Selector selector;
    private final Thread thread = new Thread(this::run, "fault-proxy-" + port.number());
    private @Nullable ServerSocketChannel listener;
    private long turnedAt = System.nanoTime();
    private volatile boolean closed;

    private FaultProxy(InetSocketAddress target) {
        this.target = target;
        try {
            this.selector = Selector.open();
            listen();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        thread.setDaemon(true);
    }

    /** In front of a port of 127.0.0.1. */
    public static FaultProxy to(int port) {
        return to(LoopbackPort.ADDRESS, port);
    }

    public static FaultProxy to(String host, int port) {
        FaultProxy proxy = new FaultProxy(new InetSocketAddress(host, port));
        proxy.thread.start();
        return proxy;
    }

    /** Where clients connect; the same for life. */
    public int port() {
        return port.number();
    }

    /** A JDBC URL of the target, led through this proxy. */
    public String url(String direct) {
        return direct.replaceFirst("//[^/]*/", "//" + LoopbackPort.ADDRESS + ":" + port.number() + "/");
    }

    /** Connections accepted so far. */
    public int connects() {
        return connects.get();
    }

    /** Client connections that neither the client nor the proxy has ended; a client that ends is not seen while stalled. */
    public int open() {
        return open.get();
    }

    /** Bytes let through so far, of all connections. */
    public long bytes(Direction direction) {
        return counter(rules.passed, direction);
    }

    /** Bytes read and thrown away so far, of all connections. */
    public long swallowed(Direction direction) {
        return counter(rules.swallowed, direction);
    }

    /** Passes everything again and resets the connections that a fault has corrupted. */
    public void heal() {
        command(() -> {
            rules.clear();
            connections.forEach(FaultConnection::heal);
            if (listener == null) {
                listen();
            }
        });
    }

    /** Resets (RST) both sides of the connections present. */
    public void reset() {
        onEach(FaultConnection::reset);
    }

    /** Sends FIN that way on the connections present; what comes later that way is thrown away. */
    public void finish(Direction direction) {
        onEach(connection -> connection.finish(direction));
    }

    /** Sends FIN both ways. */
    public void finish() {
        onEach(connection -> {
            connection.finish(Direction.TO_CLIENT);
            connection.finish(Direction.TO_SERVER);
        });
    }

    /** Resets the connections present and refuses new ones, until {@link #heal} listens on the same port again. */
    public void refuse() {
        command(() -> {
            connections.forEach(FaultConnection::reset);
            ServerSocketChannel listening = listener;
            if (listening != null) {
                listener = null;
                listening.close();
            }
        });
    }

    /** Throws away what flows that way, the end of the connection included; new connections are accepted. */
    public void blackHole(Direction direction) {
        command(() -> lose(direction));
    }

    /** Both ways; the server does not see new connections at all. */
    public void blackHole() {
        command(() -> {
            lose(Direction.TO_SERVER);
            lose(Direction.TO_CLIENT);
        });
    }

    /** Stops to read, so that the sender blocks as soon as the kernel's buffers are full: a few megabytes at most. */
    public void stall(Direction direction) {
        command(() -> rules.flow.put(direction, FaultRules.Flow.STALL));
    }

    /** Both ways, delays every chunk; the next is read when the one before has left. */
    public void slow(Duration latencyPerChunk, int bytesPerChunk) {
        if (latencyPerChunk.isNegative() || bytesPerChunk < 1 || bytesPerChunk > FaultConnection.BUFFER) {
            throw new IllegalArgumentException("latency " + latencyPerChunk + " must not be negative, chunk "
                    + bytesPerChunk + " must be 1 to " + FaultConnection.BUFFER);
        }
        command(() -> {
            rules.latencyNanos = latencyPerChunk.toNanos();
            rules.chunk = bytesPerChunk;
        });
    }

    /** On each connection present, lets that many more bytes through that way and throws away the rest. */
    public void truncate(Direction direction, long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes must not be negative: " + bytes);
        }
        onEach(connection -> connection.truncate(direction, bytes));
    }

    /** Writes bytes that nobody sent to the connections present, whatever else is wrong with them. */
    public void inject(Direction direction, byte[] bytes) {
        byte[] copy = bytes.clone();
        onEach(connection -> connection.inject(direction, copy));
    }

    /** For connections accepted from now on. */
    public void atHandshake(Handshake handshake) {
        command(() -> rules.handshake = handshake);
    }

    /** Resets all connections and ends the thread. Idempotent. */
    @Override
    public void close() {
        closed = true;
        selector.wakeup();
        try {
            thread.join(LIMIT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            throw new IllegalStateException(thread.getName() + " does not end");
        }
    }

    private static long counter(Map<Direction, AtomicLong> counters, Direction direction) {
        AtomicLong counter = counters.get(direction);
        return counter == null ? 0 : counter.get();
    }

    private void lose(Direction direction) {
        rules.flow.put(direction, FaultRules.Flow.BLACK_HOLE);
        connections.forEach(connection -> connection.blackHole(direction));
    }

    private interface Command {
        void run() throws IOException;
    }

    private void onEach(Consumer<FaultConnection> action) {
        command(() -> connections.forEach(action));
    }

    /** Runs it on the proxy's thread, after what the kernel has accepted before and with all that follows from it. */
    private void command(Command command) {
        FutureTask<Void> task = new FutureTask<>(() -> {
            accept();
            command.run();
            turn();
            return null;
        });
        commands.add(task);
        selector.wakeup();
        try {
            if (closed) {
                throw new IllegalStateException("closed");
            }
            task.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException(thread.getName() + " failed", e);
        }
    }

    private void run() {
        try {
            while (!closed) {
                await();
                accept();
                for (FutureTask<?> task = commands.poll(); task != null; task = commands.poll()) {
                    task.run();
                }
                turn();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            closed = true;
            shutDown();
        }
    }

    private void await() throws IOException {
        long nanos = Long.MAX_VALUE;
        for (FaultConnection connection : connections) {
            nanos = Math.min(nanos, connection.nanosUntilDue(turnedAt));
        }
        // The selection at the end of a turn may have taken the wake-up of a command that came in between.
        if (closed || !commands.isEmpty()) {
            selector.selectNow();
        } else if (nanos == Long.MAX_VALUE) {
            selector.select();
        } else {
            selector.select(Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos)));
        }
        selector.selectedKeys().clear();
    }

    private void listen() throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            channel.setOption(StandardSocketOptions.SO_RCVBUF, FaultConnection.KERNEL_BUFFER);
            channel.bind(new InetSocketAddress(InetAddress.getByName(LoopbackPort.ADDRESS), port.number()), 100);
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_ACCEPT);
            listener = channel;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    private void accept() throws IOException {
        ServerSocketChannel listening = listener;
        if (listening == null) {
            return;
        }
        for (SocketChannel client = listening.accept(); client != null; client = listening.accept()) {
            connects.incrementAndGet();
            connections.add(new FaultConnection(rules, selector, client, target));
        }
    }

    private void turn() throws IOException {
        long now = System.nanoTime();
        turnedAt = now;
        connections.removeIf(connection -> connection.turn(now));
        open.set((int) connections.stream().filter(FaultConnection::isOpen).count());
        // A registered channel that is closed goes away with the next selection only.
        selector.selectNow();
    }

    private void shutDown() {
        connections.forEach(FaultConnection::reset);
        open.set(0);
        try {
            ServerSocketChannel listening = listener;
            if (listening != null) {
                listening.close();
            }
            selector.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            commands.forEach(task -> task.cancel(false));
        }
    }
}
