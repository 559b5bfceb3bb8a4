package dev.millrace.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A TCP port on 127.0.0.1.
 *
 * @param number 1 to 65535
 */
record LoopbackPort(int number) {

    static final String ADDRESS = "127.0.0.1";

    /** Below the range from which the kernel takes ports of outgoing connections: still free when a server comes back. */
    static LoopbackPort free() {
        return ThreadLocalRandom.current()
                .ints(10_000, 32_000)
                .mapToObj(LoopbackPort::new)
                .filter(LoopbackPort::isFree)
                .findFirst()
                .orElseThrow();
    }

    boolean isFree() {
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(InetAddress.getByName(ADDRESS), number));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
