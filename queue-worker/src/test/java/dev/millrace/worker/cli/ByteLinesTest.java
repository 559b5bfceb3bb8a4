package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ByteLinesTest {

    @Test
    void next_linesOfBothEndings_areWithoutThem() throws IOException {
        assertThat(all("a\nb\r\n\nc")).containsExactly("a", "b", "", "c");
    }

    @Test
    void next_emptyInput_hasNoLine() throws IOException {
        assertThat(all("")).isEmpty();
    }

    @Test
    void next_byteOrderMark_isPassedOver() throws IOException {
        assertThat(all("\uFEFFa\nb")).containsExactly("a", "b");
    }

    @Test
    void next_lineLongerThanTheBuffer_isWhole() throws IOException {
        String longLine = "ü€😀".repeat(50_000);

        assertThat(all("a\n" + longLine + "\nb")).containsExactly("a", longLine, "b");
    }

    @Test
    void next_notUtf8_namesItsLineAfterTheGoodOnes() throws IOException {
        ByteLines lines =
                new ByteLines(new ByteArrayInputStream("a\nb\n\u00fc\nd".getBytes(StandardCharsets.ISO_8859_1)), 100);

        assertThat(lines.next()).isEqualTo("a");
        assertThat(lines.next()).isEqualTo("b");
        assertThatThrownBy(lines::next).hasMessage("Line 3 is not a job, nothing was enqueued: it is not UTF-8 text");
    }

    @Test
    void next_longerThanTheLimit_namesItsLine() throws IOException {
        ByteLines lines = lines("1234567890\n12345678901", 10);

        assertThat(lines.next()).isEqualTo("1234567890");
        assertThatThrownBy(lines::next).hasMessageContaining("Line 2 ").hasMessageContaining("longer than 10 bytes");
    }

    private static List<String> all(String text) throws IOException {
        ByteLines lines = lines(text, Long.MAX_VALUE);
        List<String> all = new ArrayList<>();
        for (String line = lines.next(); line != null; line = lines.next()) {
            all.add(line);
        }
        assertThat(lines.number()).isEqualTo(all.size());
        return all;
    }

    private static ByteLines lines(String text, long maxBytes) {
        return new ByteLines(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), maxBytes);
    }
}
