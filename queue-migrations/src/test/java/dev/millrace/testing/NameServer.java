package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A name server that takes questions and says nothing, until it is told what to answer to all of them; for one
 * {@link NetworkNamespace}, at the machine's end of its cable. Safe for use by many threads.
 */
public final class NameServer implements AutoCloseable {

    private static final int PORT = 53;
    private static final int HEADER = 12;
    private static final int TYPE_A = 1;

    private final DatagramSocket socket;
    private final AtomicInteger questions = new AtomicInteger();
    private volatile byte @Nullable [] answer;

    private NameServer(DatagramSocket socket) {
        this.socket = socket;
        Thread thread = new Thread(this::run, "test-name-server");
        thread.setDaemon(true);
        thread.start();
    }

    /** A silent one. */
    public static NameServer silent(NetworkNamespace namespace) {
        try {
            return new NameServer(new DatagramSocket(PORT, InetAddress.getByName(namespace.outsideAddress())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Each question from now on has this IPv4 address as its answer. */
    public void answer(String address) {
        try {
            answer = InetAddress.getByName(address).getAddress();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How many questions came so far. */
    public int questions() {
        return questions.get();
    }

    @Override
    public void close() {
        socket.close();
    }

    private void run() {
        DatagramPacket packet = new DatagramPacket(new byte[512], 512);
        while (!socket.isClosed()) {
            try {
                packet.setLength(512);
                socket.receive(packet);
                questions.incrementAndGet();
                byte[] address = answer;
                if (address != null) {
                    byte[] reply = reply(packet, address);
                    socket.send(new DatagramPacket(reply, reply.length, packet.getSocketAddress()));
                }
            } catch (IOException closed) {
                // or the one who asked has gone
            }
        }
    }

    /** RFC 1035, section 4.1: the header, the question as it came, and an answer that points back to the name. */
    private static byte[] reply(DatagramPacket question, byte[] address) {
        ByteBuffer asked = ByteBuffer.wrap(question.getData(), 0, question.getLength());
        int end = HEADER;
        while (asked.get(end) != 0) {
            end += asked.get(end) + 1;
        }
        boolean ipv4 = asked.getShort(end + 1) == TYPE_A;
        end += 5;
        ByteBuffer reply = ByteBuffer.allocate(end + 16);
        reply.putShort(asked.getShort(0)).putShort((short) 0x8180);
        reply.putShort((short) 1).putShort((short) (ipv4 ? 1 : 0)).putInt(0);
        reply.put(question.getData(), HEADER, end - HEADER);
        if (ipv4) {
            reply.putShort((short) 0xC00C).putShort((short) TYPE_A).putShort((short) 1);
            reply.putInt(0).putShort((short) address.length).put(address);
        }
        byte[] bytes = new byte[reply.position()];
        reply.flip().get(bytes);
        return bytes;
    }
}
