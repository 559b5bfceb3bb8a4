package dev.millrace.testing;

import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.FaultProxy.Handshake;
import dev.millrace.testing.FaultRules.Flow;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** One connection through a {@link FaultProxy}; for the proxy's thread alone. */
final class FaultConnection {

    static final int BUFFER = 16 * 1024;

    /** Small, for a stalled sender to notice; not smaller than a loopback segment is good for. */
    static final int KERNEL_BUFFER = 32 * 1024;

    private static final byte[] SSL_REQUEST = {0, 0, 0, 8, 0x04, (byte) 0xd2, 0x16, 0x2f};
    private static final byte[] ALERT = {0x15, 3, 3, 0, 2, 2, 0x28};
    private static final long SEED = 20_260;

    private final FaultRules rules;
    private final Selector selector;
    private final InetSocketAddress target;
    private final SocketChannel client;
    private final Handshake handshake;
    private final ByteBuffer head = ByteBuffer.allocate(SSL_REQUEST.length);
    private final Pipe toServer = new Pipe(Direction.TO_SERVER);
    private final Pipe toClient = new Pipe(Direction.TO_CLIENT);
    private @Nullable SocketChannel server;
    private boolean inspecting;
    private boolean serverKeptOut;
    private boolean helloAnswered;
    private boolean corrupted;
    private boolean closed;

    FaultConnection(FaultRules rules, Selector selector, SocketChannel client, InetSocketAddress target)
            throws IOException {
        this.rules = rules;
        this.selector = selector;
        this.target = target;
        this.client = client;
        this.handshake = rules.handshake;
        this.inspecting = handshake != Handshake.PASS;
        prepare(client);
        client.register(selector, 0);
        if (rules.flow.get(Direction.TO_SERVER) == Flow.BLACK_HOLE) {
            serverKeptOut = true;
        } else if (!inspecting) {
            connect();
        }
    }

    /** Moves what can be moved without waiting; true once it is over. */
    boolean turn(long now) {
        if (closed) {
            return true;
        }
        try {
            if (server != null && server.isConnectionPending()) {
                server.finishConnect();
            }
            toServer.move(now);
            toClient.move(now);
            if (closed) {
                return true;
            }
            SocketChannel upstream = server;
            if (toServer.isOver() && (toClient.isOver() || upstream == null)) {
                close();
                return true;
            }
            listenTo(client, toServer, toClient, now);
            if (upstream != null && upstream.isConnected()) {
                listenTo(upstream, toClient, toServer, now);
            } else if (upstream != null) {
                upstream.keyFor(selector).interestOps(SelectionKey.OP_CONNECT);
            }
        } catch (IOException broken) {
            reset();
        }
        return closed;
    }

    boolean isOpen() {
        return !closed && !toServer.ended;
    }

    long nanosUntilDue(long now) {
        return Math.min(toServer.nanosUntilDue(now), toClient.nanosUntilDue(now));
    }

    void heal() {
        if (corrupted || serverKeptOut) {
            reset();
        }
        toServer.allowance = Long.MAX_VALUE;
        toClient.allowance = Long.MAX_VALUE;
    }

    void reset() {
        closed = true;
        abort(client);
        abort(server);
    }

    void finish(Direction direction) {
        attempt(() -> pipe(direction).finish());
        corrupted = true;
    }

    void truncate(Direction direction, long bytes) {
        pipe(direction).allowance = bytes;
    }

    /** What is on its way is lost too. */
    void blackHole(Direction direction) {
        Pipe pipe = pipe(direction);
        pipe.swallow(pipe.pending.remaining());
        pipe.pending = ByteBuffer.allocate(0);
        corrupted = true;
    }

    void inject(Direction direction, byte[] bytes) {
        corrupted = true;
        pipe(direction).append(bytes);
    }

    private interface Io {
        void run() throws IOException;
    }

    private void attempt(Io io) {
        try {
            io.run();
        } catch (IOException broken) {
            reset();
        }
    }

    private Pipe pipe(Direction direction) {
        return direction == Direction.TO_SERVER ? toServer : toClient;
    }

    private void connect() throws IOException {
        SocketChannel channel = SocketChannel.open();
        server = channel;
        prepare(channel);
        channel.setOption(StandardSocketOptions.SO_RCVBUF, KERNEL_BUFFER);
        channel.register(selector, 0);
        try {
            channel.connect(target);
        } catch (IOException refused) {
            reset();
        }
    }

    private static void prepare(SocketChannel channel) throws IOException {
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.setOption(StandardSocketOptions.SO_SNDBUF, KERNEL_BUFFER);
    }

    private void listenTo(SocketChannel channel, Pipe from, Pipe to, long now) {
        channel.keyFor(selector)
                .interestOps((from.wantsToRead() ? SelectionKey.OP_READ : 0)
                        | (to.wantsToWrite(now) ? SelectionKey.OP_WRITE : 0));
    }

    private void close() throws IOException {
        closed = true;
        client.close();
        if (server != null) {
            server.close();
        }
    }

    private static void abort(@Nullable SocketChannel channel) {
        if (channel == null) {
            return;
        }
        try (channel) {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException alreadyGone) {
            // what was wanted
        }
    }

    /** The first bytes of a connection that a {@link Handshake} may be for. */
    private void inspect(ByteBuffer bytes) throws IOException {
        head.put(bytes);
        if (head.hasRemaining()) {
            return;
        }
        inspecting = false;
        boolean tls = Arrays.equals(head.array(), SSL_REQUEST);
        if (!tls || handshake == Handshake.REFUSE_TLS) {
            connect();
            if (tls) {
                toClient.append(new byte[] {'N'});
            } else {
                toServer.append(head.array());
                rules.passed.get(Direction.TO_SERVER).addAndGet(head.capacity());
            }
            return;
        }
        serverKeptOut = true;
        toClient.append(new byte[] {'S'});
        if (handshake == Handshake.FIN) {
            toClient.finish();
        }
    }

    /** A client that is told to begin reads the answer to its ClientHello: earlier bytes it may take for plain text. */
    private void answerHello() {
        if (helloAnswered) {
            return;
        }
        helloAnswered = true;
        if (handshake == Handshake.ALERT) {
            toClient.append(ALERT);
        } else if (handshake == Handshake.GARBAGE) {
            byte[] garbage = new byte[64];
            new Random(SEED).nextBytes(garbage);
            toClient.append(garbage);
        }
    }

    /** One direction. */
    private final class Pipe {

        private final Direction direction;
        private ByteBuffer pending = ByteBuffer.allocate(0);
        private long due = System.nanoTime();
        private long allowance = Long.MAX_VALUE;
        /** Nothing more to read. */
        private boolean ended;
        /** FIN is sent, or will be when nothing is pending. */
        private boolean finishing;

        private boolean finished;

        Pipe(Direction direction) {
            this.direction = direction;
        }

        void move(long now) throws IOException {
            if (flow() == Flow.BLACK_HOLE) {
                corrupted = true;
            }
            for (int moved = 0; moved < 64 && flush(now) && !ended && wantsToRead(); moved++) {
                ByteBuffer buffer = ByteBuffer.allocate(inspecting ? head.remaining() : rules.chunk);
                int count = read(buffer);
                if (count == 0) {
                    return;
                }
                if (count < 0) {
                    ended = true;
                    finishing |= flow() != Flow.BLACK_HOLE;
                } else {
                    take(buffer.flip(), now);
                }
            }
            flush(now);
        }

        /** True if nothing is pending. */
        private boolean flush(long now) throws IOException {
            SocketChannel sink = sink();
            if (sink == null || !sink.isConnected()) {
                return !pending.hasRemaining();
            }
            if (pending.hasRemaining() && due - now <= 0) {
                sink.write(pending);
            }
            if (pending.hasRemaining()) {
                return false;
            }
            if (finishing && !finished) {
                finished = true;
                sink.shutdownOutput();
            }
            return true;
        }

        private int read(ByteBuffer buffer) throws IOException {
            SocketChannel source = source();
            if (source == null) {
                return 0;
            }
            try {
                return source.read(buffer);
            } catch (IOException broken) {
                if (flow() == Flow.BLACK_HOLE) {
                    return -1;
                }
                throw broken;
            }
        }

        private void take(ByteBuffer bytes, long now) throws IOException {
            if (flow() == Flow.BLACK_HOLE || finishing) {
                swallow(bytes.remaining());
            } else if (direction == Direction.TO_SERVER && inspecting) {
                inspect(bytes);
            } else if (direction == Direction.TO_SERVER && serverKeptOut) {
                swallow(bytes.remaining());
                answerHello();
            } else {
                int through = (int) Math.min(bytes.remaining(), allowance);
                if (allowance != Long.MAX_VALUE) {
                    allowance -= through;
                    swallow(bytes.remaining() - through);
                    bytes.limit(through);
                }
                rules.passed.get(direction).addAndGet(through);
                pending = bytes;
                due = now + rules.latencyNanos;
            }
        }

        void swallow(int count) {
            corrupted |= count > 0;
            rules.swallowed.get(direction).addAndGet(count);
        }

        /** Behind what is pending, and with no delay of its own. */
        void append(byte[] bytes) {
            pending = ByteBuffer.allocate(pending.remaining() + bytes.length)
                    .put(pending)
                    .put(bytes)
                    .flip();
        }

        void finish() throws IOException {
            finishing = true;
            flush(System.nanoTime());
        }

        boolean wantsToRead() {
            SocketChannel source = source();
            return source != null
                    && source.isConnected()
                    && !ended
                    && !pending.hasRemaining()
                    && flow() != Flow.STALL
                    && (direction == Direction.TO_CLIENT
                            || inspecting
                            || serverKeptOut
                            || (server != null && server.isConnected()));
        }

        boolean wantsToWrite(long now) {
            return pending.hasRemaining() && due - now <= 0;
        }

        boolean isOver() {
            return ended && (!pending.hasRemaining() || sink() == null);
        }

        long nanosUntilDue(long now) {
            return pending.hasRemaining() && due - now > 0 ? due - now : Long.MAX_VALUE;
        }

        private Flow flow() {
            return rules.flow.getOrDefault(direction, Flow.PASS);
        }

        private @Nullable SocketChannel source() {
            return direction == Direction.TO_SERVER ? client : server;
        }

        private @Nullable SocketChannel sink() {
            return direction == Direction.TO_SERVER ? server : client;
        }
    }
}
