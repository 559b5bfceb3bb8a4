package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.JavaProcess;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaProcessTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Test
    void process_thatEnds_givesCodeAndOutput(@TempDir Path directory) throws Exception {
        try (JavaProcess process = echo("exit", "7")
                .environment("ECHO", "env")
                .directory(directory)
                .options("-Decho=option")
                .start()) {
            assertThat(process.waitFor(LIMIT)).isEqualTo(7);
            assertThat(process.stdout()).startsWith("exit,7 env " + directory.getFileName() + " option");
            assertThat(process.stderr()).contains("ready");
        }
    }

    @Test
    void terminate_running_runsHooks() throws Exception {
        try (JavaProcess process = echo("wait").start()) {
            process.awaitStderr("ready", LIMIT);
            process.terminate();
            assertThat(process.waitFor(LIMIT)).isEqualTo(128 + 15);
            assertThat(process.stdout()).contains("hook ran");
        }
    }

    @Test
    void kill9_running_leavesNoChance() throws Exception {
        try (JavaProcess process = echo("wait").start()) {
            process.awaitStderr("ready", LIMIT);
            assertThatThrownBy(() -> process.waitFor(Duration.ofMillis(1)))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("ready");
            process.kill9();
            assertThat(process.waitFor(LIMIT)).isEqualTo(128 + 9);
            assertThat(process.stdout()).doesNotContain("hook ran");
            assertThat(ProcessHandle.of(process.pid())).isEmpty();
        }
    }

    @Test
    void awaitStderr_thatNeverComes_failsAtTheEndOfTheProcess() throws Exception {
        try (JavaProcess process = echo("exit", "0").start()) {
            assertThatThrownBy(() -> process.awaitStderr("never", LIMIT))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("no 'never' within");
        }
    }

    private static JavaProcess.Builder echo(String... arguments) throws URISyntaxException {
        Path classes = Path.of(EchoProgram.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        return JavaProcess.main(classes.toString(), EchoProgram.class.getName(), arguments);
    }
}
