package dev.millrace.examples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.JavaProcess;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of the quickstart as its users start it, from the packaged jars. */
class QuickstartIT {

    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final Pattern WORKER = Pattern.compile("worker process (\\d+): kill -9 it, nothing is lost");
    private static final int SLOTS = 8;

    @TempDir
    private Path home;

    private JavaProcess quickstart(String... arguments) throws IOException {
        String classPath = String.join(File.pathSeparator, "target/examples.jar", "target/lib/*");
        return JavaProcess.main(classPath, Quickstart.class.getName(), arguments)
                .options("-Xmx256m", "-Djava.io.tmpdir=" + Files.createDirectories(home.resolve("tmp")))
                .start();
    }

    private Path files() throws IOException {
        return Files.createDirectories(home.resolve("files"));
    }

    private static void small(Path folder, String prefix, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            Files.writeString(folder.resolve(prefix + String.format("%03d", i)), "content " + i);
        }
    }

    private static List<Long> workers(JavaProcess process) {
        List<Long> pids = new ArrayList<>();
        for (Matcher match = WORKER.matcher(process.stdout()); match.find(); ) {
            pids.add(Long.parseLong(match.group(1)));
        }
        return pids;
    }

    /** Neither the worker, nor PostgreSQL, which is not our child but has our folder on its command line, nor a file. */
    private void assertNothingLeft(JavaProcess process) {
        await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
            assertThat(workers(process))
                    .allSatisfy(pid -> assertThat(ProcessHandle.of(pid).filter(ProcessHandle::isAlive))
                            .isEmpty());
            assertThat(ProcessHandle.allProcesses()
                            .filter(each -> each.info().commandLine().orElse("").contains(home.toString())))
                    .isEmpty();
            try (Stream<Path> left = Files.list(home.resolve("tmp"))) {
                assertThat(left.filter(path -> Files.isDirectory(path)
                                && path.getFileName().toString().startsWith("millrace")))
                        .isEmpty();
            }
        });
    }

    /**
     * As many huge files as the worker has slots stand between 150 small ones and 150 more: with 150 jobs done it has
     * its hands full, for longer than any test waits. Then it is killed, and the files are small when the next one comes.
     */
    @Test
    void quickstart_workerKilledInTheMiddle_completesAllJobs() throws IOException {
        Path folder = files();
        small(folder, "a", 150);
        small(folder, "z", 150);
        for (int i = 0; i < SLOTS; i++) {
            resize(folder.resolve("m" + i), 1L << 40);
        }
        try (JavaProcess process = quickstart(folder.toString())) {
            process.awaitStdout("150 of 308 jobs done", LIMIT);
            List<Long> before = workers(process);
            assertThat(before).hasSize(1);
            assertThat(process.isAlive()).isTrue();
            ProcessHandle.of(before.get(0)).orElseThrow().destroyForcibly();
            for (int i = 0; i < SLOTS; i++) {
                resize(folder.resolve("m" + i), 10);
            }

            assertThat(process.waitFor(LIMIT))
                    .as(process.stdout() + process.stderr())
                    .isZero();
            assertThat(process.stdout())
                    .contains("The worker process " + before.get(0) + " was ended by signal 9")
                    .contains("308 jobs: 308 completed, 0 failed, in ");
            assertThat(workers(process)).hasSize(2);
            assertThat(process.stderr()).isEmpty();
            assertNothingLeft(process);
        }
    }

    private static void resize(Path path, long length) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(length);
        }
    }

    @Test
    void quickstart_emptyFolder_endsWithoutJobs() throws IOException {
        try (JavaProcess process = quickstart(files().toString())) {
            assertThat(process.waitFor(LIMIT)).isZero();
            assertThat(process.stdout()).contains("0 jobs: 0 completed, 0 failed");
            assertNothingLeft(process);
        }
    }

    /** The file vanishes while the quickstart starts its server, after it has listed the folder: no user can read it. */
    @Test
    void quickstart_fileThatCannotBeRead_isNamedAndFailsTheRun() throws IOException {
        Path gone = Files.writeString(files().resolve("gone"), "soon");
        small(files(), "a", 5);
        try (JavaProcess process = quickstart(files().toString())) {
            process.awaitStdout("Starting PostgreSQL", LIMIT);
            Files.delete(gone);
            assertThat(process.waitFor(LIMIT)).isEqualTo(1);
            assertThat(process.stdout())
                    .contains("6 jobs: 5 completed, 1 failed")
                    .contains("failed: " + gone)
                    .contains("Log of the worker: ");
            assertNothingLeft(process);
        }
    }

    @Test
    void quickstart_noFolder_saysSoInOneSentence() throws IOException {
        Path missing = home.resolve("missing");
        try (JavaProcess process = quickstart(missing.toString())) {
            assertThat(process.waitFor(LIMIT)).isEqualTo(2);
            assertThat(process.stderr())
                    .isEqualTo("quickstart: Folder '" + missing + "' does not exist: name a folder of files.\n");
            assertThat(process.stdout()).isEmpty();
        }
    }

    @Test
    void quickstart_keep_staysUntilItIsStopped() throws IOException {
        small(files(), "a", 3);
        try (JavaProcess process = quickstart("--keep", files().toString())) {
            process.awaitStdout("go on until Ctrl-C", LIMIT);
            long worker = workers(process).get(0);
            assertThat(ProcessHandle.of(worker).orElseThrow().isAlive()).isTrue();
            assertThat(process.isAlive()).isTrue();
            process.terminate();
            process.waitFor(LIMIT);
            assertNothingLeft(process);
            assertThat(process.stderr()).isEmpty();
        }
    }
}
