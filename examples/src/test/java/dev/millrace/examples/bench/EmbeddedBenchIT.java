package dev.millrace.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.JavaProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of {@code examples/bench} as its users start it, from the packaged jars. */
class EmbeddedBenchIT {

    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    private Path home;

    private List<ProcessHandle> started = List.of();

    private JavaProcess bench(String... arguments) throws IOException {
        String classPath = String.join(File.pathSeparator, "target/examples.jar", "target/lib/*");
        return JavaProcess.main(classPath, EmbeddedBench.class.getName(), arguments)
                .options("-Xmx256m", "-Djava.io.tmpdir=" + home)
                .start();
    }

    @Test
    void bench_onItsOwnServer_isDurable_andLeavesNothing() throws Exception {
        try (JavaProcess process =
                bench("--scenario", "work", "--jobs", "10000", "--runs", "1", "--processes", "2", "--json")) {
            started = startedBy(process);
            process.awaitStderr("working off 10000 jobs", LIMIT);
            assertThat(process.waitFor(LIMIT)).as(process.stderr()).isZero();
            assertThat(process.stdout())
                    .startsWith("{")
                    .contains("\"lost\":0", "\"fsync\":\"on\"", "\"synchronous_commit\":\"on\"");
        }
        assertNothingLeft();
    }

    @Test
    void bench_stoppedInTheMiddle_stopsItsServer_andItsProcesses() throws Exception {
        try (JavaProcess process = bench("--scenario", "work", "--jobs", "10000000", "--processes", "2")) {
            process.awaitStderr("enqueueing 10000000 jobs", LIMIT);
            started = startedBy(process);
            process.terminate();
            process.waitFor(LIMIT);
        }
        assertNothingLeft();
    }

    @Test
    void bench_wrongOption_isTheStatusOfTheProgram() throws Exception {
        try (JavaProcess process = bench("--no-such-option")) {
            assertThat(process.waitFor(LIMIT)).as(process.stderr()).isEqualTo(2);
        }
        assertNothingLeft();
    }

    /** The server, the benchmark and its processes, as long as they have parents by which they can be found. */
    private static List<ProcessHandle> startedBy(JavaProcess process) {
        ProcessHandle bench = ProcessHandle.of(process.pid()).orElseThrow();
        return await().atMost(LIMIT)
                .until(() -> bench.descendants().toList(), descendants -> benchProcesses(descendants) == 2);
    }

    private static long benchProcesses(List<ProcessHandle> processes) {
        return processes.stream()
                .filter(each -> commandLine(each).contains("bench-process"))
                .count();
    }

    private static String commandLine(ProcessHandle process) {
        return process.info().commandLine().orElse("");
    }

    private void assertNothingLeft() throws Exception {
        for (ProcessHandle each : started) {
            // What worked for a benchmark that was stopped ends by itself, soon after it.
            each.onExit().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        }
        // The server is no child of the benchmark, and may outlive the order to stop by a moment.
        await().atMost(LIMIT).untilAsserted(() -> {
            assertThat(ProcessHandle.allProcesses()
                            .filter(each -> commandLine(each).contains(home.toString())))
                    .isEmpty();
            try (Stream<Path> left = Files.list(home)) {
                assertThat(left.filter(path -> path.getFileName().toString().startsWith("millrace")))
                        .isEmpty();
            }
        });
    }
}
