package dev.millrace.examples.bench;

import dev.millrace.examples.embedded.EmbeddedDatabase;
import dev.millrace.examples.embedded.TemporaryFolder;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The program behind {@code examples/bench}: starts a PostgreSQL server that is as durable as one in production, runs
 * {@code bench} of the runnable jar on it with the same arguments, and exits as that did.
 */
public final class EmbeddedBench {

    /**
     * Besides what makes it durable, which the embedded server leaves out by default: enough memory, log and sessions that the
     * defaults of a small machine are not what is measured.
     */
    private static final Map<String, String> SETTINGS = Map.of(
            "fsync", "on",
            "synchronous_commit", "on",
            "full_page_writes", "on",
            "shared_buffers", "512MB",
            "max_wal_size", "4GB",
            "max_connections", "600");

    private static final List<String> HELP = List.of("--help", "-h");
    private static final int FAILED = 1;

    /** Enough for a server to stop. */
    private static final Duration STOP = Duration.ofSeconds(20);

    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile @Nullable Process bench;

    private EmbeddedBench() {}

    /** Exit status: that of {@code bench}. */
    public static void main(String[] words) {
        // Before the first logger.
        System.setProperty("logback.configurationFile", "dev/millrace/examples/quickstart/logback.xml");
        EmbeddedBench program = new EmbeddedBench();
        Runtime.getRuntime().addShutdownHook(new Thread(program::stop));
        System.exit(program.run(words));
    }

    /** Whoever stops this program stops all of it: then it goes on where it waits for the benchmark, and cleans up. */
    private void stop() {
        Process running = bench;
        if (running != null) {
            running.destroy();
        }
        try {
            if (!ended.await(STOP.toSeconds(), TimeUnit.SECONDS)) {
                System.err.println("bench: the server did not stop within " + STOP);
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private int run(String... words) {
        try {
            Path jar = repository().resolve("queue-worker/target/queue-worker.jar");
            if (!Files.isReadable(jar)) {
                throw new IOException(jar + " is missing: run examples/bench, which builds it");
            }
            if (!Collections.disjoint(List.of(words), HELP)) {
                return bench(jar, "", words);
            }
            try (TemporaryFolder home = TemporaryFolder.create("millrace-bench-")) {
                return bench(home, jar, words);
            }
        } catch (IOException | URISyntaxException failure) {
            System.err.println("bench: " + failure.getMessage());
            return FAILED;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return FAILED;
        } finally {
            ended.countDown();
        }
    }

    private int bench(TemporaryFolder home, Path jar, String... words) throws IOException, InterruptedException {
        System.err.println("bench: starting PostgreSQL");
        try (EmbeddedDatabase server =
                EmbeddedDatabase.start(home.path(), home.path().resolve("postgres.log"), SETTINGS)) {
            return bench(jar, server.url(), words);
        }
    }

    private int bench(Path jar, String url, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-jar", jar.toString(), "bench"));
        command.addAll(List.of(words));
        ProcessBuilder program = new ProcessBuilder(command).inheritIO();
        program.environment().put("MILLRACE_DATABASE_URL", url);
        Process started = program.start();
        bench = started;
        return started.waitFor();
    }

    /** Found from where this class is: in {@code examples/target}, as a jar or a folder. */
    private static Path repository() throws URISyntaxException {
        return Path.of(EmbeddedBench.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI())
                .resolve("../../..")
                .normalize();
    }
}
