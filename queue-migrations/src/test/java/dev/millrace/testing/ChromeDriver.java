package dev.millrace.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The program that starts Chromium and steers it by the WebDriver protocol: one for the JVM, which ends with it, and its
 * browsers too. Thread-safe.
 */
public final class ChromeDriver {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final ChromeDriver SHARED = new ChromeDriver();

    private final LoopbackPort port = LoopbackPort.free();
    private final Path directory = SystemProgram.unprivilegedDirectory("millrace-chromium-");
    // With all that it and its browsers write in a directory that is ours to delete.
    private final Daemon daemon = new Daemon(
            directory,
            "chromedriver",
            List.of("env", "HOME=" + directory, "TMPDIR=" + directory, "chromedriver", "--port=" + port.number()));

    private ChromeDriver() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "stop-test-chromedriver"));
    }

    /** Aborts the test where Chromium or its driver is not installed. */
    public static void assumeInstalled() {
        SystemProgram.assume("chromium", "chromedriver");
    }

    /** Where it answers; starts it if need be. */
    public static URI address() {
        return SHARED.started();
    }

    /** What Chromium needs in order to run without a screen, and to reach this machine alone. */
    public static List<String> arguments() {
        List<String> arguments = new ArrayList<>(List.of(
                "--headless=new",
                // Containers have 64 MB of it.
                "--disable-dev-shm-usage",
                "--no-proxy-server",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                // The same pictures on every machine.
                "--force-color-profile=srgb",
                "--hide-scrollbars",
                "--lang=en-GB"));
        if (SystemProgram.isRoot()) {
            arguments.add("--no-sandbox");
        }
        return arguments;
    }

    private synchronized URI started() {
        if (!daemon.isAlive()) {
            daemon.start();
            await().pollInterval(Duration.ofMillis(20))
                    .atMost(LIMIT)
                    .alias(daemon.name())
                    .until(this::answers);
        }
        return URI.create("http://" + LoopbackPort.ADDRESS + ":" + port.number());
    }

    private boolean answers() {
        try (Socket socket = new Socket(LoopbackPort.ADDRESS, port.number())) {
            return socket.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    private synchronized void stop() {
        try {
            daemon.end("TERM");
            PgBinaries.deleteTree(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
