package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.job.NewJob;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class JobLinesTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    @Test
    void next_linesOfSeveralChunks_comeInOrder() throws InterruptedException {
        int count = 12_345;
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append("{\"kind\":\"k\",\"args\":").append(i).append("}\n").append(i % 3 == 0 ? "  \n" : "");
        }
        try (JobLines lines = new JobLines(stream(text.toString()), 1_000, LONG)) {
            lines.awaitFirst();
            for (int i = 0; i < count; i++) {
                assertThat(lines.next().args()).isEqualTo(String.valueOf(i));
            }
            assertThat(lines.hasNext()).isFalse();
            assertThatThrownBy(lines::next).isInstanceOf(NoSuchElementException.class);
        }
    }

    @Test
    void hasNext_exactlyOneChunk_endsAfterIt() throws InterruptedException {
        try (JobLines lines = new JobLines(stream("{\"kind\":\"k\"}\n".repeat(5_000)), 1_000, LONG)) {
            lines.awaitFirst();
            for (int i = 0; i < 5_000; i++) {
                assertThat(lines.next()).isNotNull();
            }
            assertThat(lines.hasNext()).isFalse();
        }
    }

    @Test
    void hasNext_noLines_isFalse() throws InterruptedException {
        try (JobLines lines = new JobLines(stream("\n \n"), 1_000, LONG)) {
            lines.awaitFirst();
            assertThat(lines.hasNext()).isFalse();
        }
    }

    @Test
    void hasNext_badLineInALaterChunk_throwsWithItsNumber() throws InterruptedException {
        String text = "{\"kind\":\"k\"}\n".repeat(6_000) + "{\"kind\":\n";
        try (JobLines lines = new JobLines(stream(text), 1_000, LONG)) {
            lines.awaitFirst();
            assertThatThrownBy(() -> lines.forEachRemaining(JobLinesTest::ignore))
                    .hasMessageStartingWith("Line 6001 is not a job");
        }
    }

    @Test
    void hasNext_inputThatPauses_givesUpWithTheLineItWaitsAfter() throws Exception {
        try (PipedOutputStream writer = new PipedOutputStream();
                InputStream paused = new PipedInputStream(writer);
                JobLines lines = new JobLines(
                        new SequenceInputStream(stream("{\"kind\":\"k\"}\n".repeat(5_000)), paused),
                        1_000,
                        Duration.ofMillis(20))) {
            lines.awaitFirst();
            assertThatThrownBy(() -> lines.forEachRemaining(JobLinesTest::ignore))
                    .hasMessageStartingWith("Standard input is too slow after line 5000, nothing was enqueued");
        }
    }

    @Test
    void hasNext_inputThatFails_saysAfterWhichLine() throws InterruptedException {
        InputStream broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("the disk is on fire");
            }
        };
        try (JobLines lines =
                new JobLines(new SequenceInputStream(stream("{\"kind\":\"k\"}\n"), broken), 1_000, LONG)) {
            assertThatThrownBy(lines::awaitFirst)
                    .hasMessage("Standard input can't be read after line 1, nothing was enqueued: the disk is on fire");
        }
    }

    private static void ignore(NewJob job) {
        assertThat(job.kind()).isEqualTo("k");
    }

    private static InputStream stream(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }
}
