package dev.millrace.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.JavaProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of {@code examples/bench} as its users start it, from the packaged jars. */
class EmbeddedBenchIT {

    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    private Path home;

    private JavaProcess bench(String... arguments) throws IOException {
        String classPath = String.join(File.pathSeparator, "target/examples.jar", "target/lib/*");
        return JavaProcess.main(classPath, EmbeddedBench.class.getName(), arguments)
                .options("-Xmx256m", "-Djava.io.tmpdir=" + home)
                .start();
    }

    @Test
    void bench_onItsOwnServer_isDurable_andLeavesNothing() throws IOException {
        try (JavaProcess process =
                bench("--scenario", "work", "--jobs", "1000", "--runs", "1", "--processes", "2", "--json")) {
            assertThat(process.waitFor(LIMIT)).as(process.stderr()).isZero();
            assertThat(process.stdout())
                    .startsWith("{")
                    .contains("\"lost\":0", "\"fsync\":\"on\"", "\"synchronous_commit\":\"on\"");
        }
        assertNothingLeft();
    }

    @Test
    void bench_stoppedInTheMiddle_stopsItsServer() throws IOException {
        try (JavaProcess process = bench("--scenario", "work", "--jobs", "10000000")) {
            process.awaitStderr("enqueueing 10000000 jobs", LIMIT);
            process.terminate();
            process.waitFor(LIMIT);
        }
        assertNothingLeft();
    }

    @Test
    void bench_wrongOption_isTheStatusOfTheProgram() throws IOException {
        try (JavaProcess process = bench("--no-such-option")) {
            assertThat(process.waitFor(LIMIT)).as(process.stderr()).isEqualTo(2);
        }
        assertNothingLeft();
    }

    private void assertNothingLeft() throws IOException {
        assertThat(ProcessHandle.allProcesses()
                        .filter(each -> each.info().commandLine().orElse("").contains(home.toString())))
                .isEmpty();
        try (Stream<Path> left = Files.list(home)) {
            assertThat(left.filter(path -> path.getFileName().toString().startsWith("millrace")))
                    .isEmpty();
        }
    }
}
