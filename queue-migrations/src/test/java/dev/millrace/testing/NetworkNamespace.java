package dev.millrace.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Assumptions;

/**
 * A network namespace of Linux that has one cable to the machine, and nothing else. What runs inside reaches the
 * machine at {@link #outsideAddress}, and can be cut off from it without harm to anybody else. A fault lasts until
 * {@link #heal} or the next one; it is in force when its method returns. Not for concurrent use.
 */
public final class NetworkNamespace implements AutoCloseable {

    private static final String BLACK_HOLE = """
            flush ruleset
            table inet fault {
              chain incoming {
                type filter hook input priority 0
                iifname != "lo" drop
              }
              chain outgoing {
                type filter hook output priority 0
                oifname != "lo" drop
              }
            }
            """;

    /** Not for incoming packets: their reset would have to leave through this very chain. */
    private static final String RESET = """
            flush ruleset
            table inet fault {
              chain outgoing {
                type filter hook output priority 0
                oifname != "lo" tcp flags rst accept
                oifname != "lo" meta l4proto tcp reject with tcp reset
              }
            }
            """;

    private final String name;
    private final String outside;
    private final String inside;
    /** Where {@code ip netns exec} looks for files that replace those of the machine. */
    private final Path configuration;

    private final String outsideAddress;
    private final String insideAddress;
    private final Thread hook = new Thread(this::remove, "remove-test-namespace");
    private boolean closed;

    private NetworkNamespace(int number, String network) {
        // The kernel allows an interface 15 characters.
        this.name = "millrace-" + Integer.toHexString(number);
        this.configuration = Path.of("/etc/netns", name);
        this.outside = "mro" + Integer.toHexString(number);
        this.inside = "mri" + Integer.toHexString(number);
        this.outsideAddress = network + "1";
        this.insideAddress = network + "2";
    }

    /** Aborts the test where namespaces cannot be made: without root, {@code ip}, {@code nft} or the permission. */
    public static void assumeAvailable() {
        Assumptions.assumeTrue(SystemProgram.isRoot(), "network namespaces need root");
        SystemProgram.assume("ip", "nft");
        try (NetworkNamespace probe = open()) {
            probe.rejectWithReset();
        } catch (IllegalStateException refused) {
            Assumptions.abort("network namespaces are not to be had: " + refused.getMessage());
        }
    }

    /**
     * A new one, without a fault.
     *
     * @throws IllegalStateException if the machine does not let us
     */
    public static NetworkNamespace open() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        String network;
        do {
            network = "10." + random.nextInt(1, 255) + "." + random.nextInt(1, 255) + ".";
        } while (isRouted(network + "1"));
        NetworkNamespace namespace = new NetworkNamespace(random.nextInt(1 << 24, Integer.MAX_VALUE), network);
        Runtime.getRuntime().addShutdownHook(namespace.hook);
        try {
            namespace.create();
            return namespace;
        } catch (RuntimeException e) {
            namespace.close();
            throw e;
        }
    }

    /** What to put before a command so that it runs inside: {@link JavaProcess.Builder#prefix}. */
    public List<String> prefix() {
        return List.of("ip", "netns", "exec", name);
    }

    /**
     * Names are looked up at this name server from now on, by processes that start after this, with these options of {@code
     * resolv.conf}.
     */
    public void resolveAt(String nameServer, String options) {
        try {
            Files.createDirectories(configuration);
            Files.writeString(
                    configuration.resolve("resolv.conf"), "nameserver " + nameServer + "\noptions " + options + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The machine's end of the cable. */
    public String outsideAddress() {
        return outsideAddress;
    }

    /** The namespace's end of the cable, as servers outside see it. */
    public String insideAddress() {
        return insideAddress;
    }

    /** Packets vanish in both directions: nobody is told anything. */
    public void blackHole() {
        rules(BLACK_HOLE);
    }

    /**
     * Each TCP packet sent from inside, be it to acknowledge what came in, resets its connection; the side outside
     * notices when it sends the next one.
     */
    public void rejectWithReset() {
        rules(RESET);
    }

    /** Ends {@link #blackHole} and {@link #rejectWithReset}. */
    public void heal() {
        rules("flush ruleset\n");
    }

    /** Takes the interface inside down, so that there is no route any more either. */
    public void linkDown() {
        run("", "ip", "-n", name, "link", "set", inside, "down");
    }

    /** Ends {@link #linkDown}. */
    public void linkUp() {
        run("", "ip", "-n", name, "link", "set", inside, "up");
    }

    /** Removes it; what still runs inside has no network from then on. Idempotent. */
    @Override
    public void close() {
        remove();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // the hook runs already
        }
    }

    private synchronized void remove() {
        if (closed) {
            return;
        }
        closed = true;
        // The cable first: the kernel would take it down with the namespace, but only some time later.
        removeQuietly("ip", "link", "delete", outside);
        removeQuietly("ip", "netns", "delete", name);
        try {
            PgBinaries.deleteTree(configuration);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void create() {
        run("", "ip", "netns", "add", name);
        run("", "ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name);
        run("", "ip", "address", "add", outsideAddress + "/30", "dev", outside);
        run("", "ip", "-n", name, "address", "add", insideAddress + "/30", "dev", inside);
        run("", "ip", "link", "set", outside, "up");
        run("", "ip", "-n", name, "link", "set", "lo", "up");
        linkUp();
    }

    private void rules(String rules) {
        run(rules, "ip", "netns", "exec", name, "nft", "-f", "-");
    }

    /** Whether some network of the machine has this address already; the default route does not count. */
    private static boolean isRouted(String address) {
        return run("", "ip", "-4", "route", "show", "match", address)
                .lines()
                .anyMatch(route -> !route.startsWith("default"));
    }

    /** After a failed creation not all of it is there. */
    private static void removeQuietly(String... command) {
        try {
            run("", command);
        } catch (IllegalStateException notThere) {
            // nothing to remove
        }
    }

    /**
     * @return its output
     */
    private static String run(String input, String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            ProcessFamily.waitFor(process);
            if (process.exitValue() != 0) {
                throw new IllegalStateException(String.join(" ", command) + ": " + output.strip());
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(String.join(" ", command), e);
        }
    }
}
