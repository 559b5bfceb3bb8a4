package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Every command line in {@code examples/deploy} is one that this program understands. */
class DeployFilesTest {

    private static final Path FOLDER = Path.of("").toAbsolutePath().getParent().resolve("examples/deploy");
    /** As a list of quoted words, in the image and in the manifests. */
    private static final Pattern QUOTED = Pattern.compile("(?m)^\\s*(?:CMD|args:) \\[(.*)]$");

    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"");
    private static final Pattern PLAIN = Pattern.compile("(?m)^(?:ExecStart=|RUN java).*queue-worker\\.jar ([^;\\n]*)");

    static Stream<List<String>> commandLines() throws IOException {
        List<List<String>> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(FOLDER)) {
            for (Path file : files.toList()) {
                String text = Files.readString(file);
                QUOTED.matcher(text)
                        .results()
                        .map(line -> WORD.matcher(line.group(1))
                                .results()
                                .map(word -> word.group(1))
                                .toList())
                        .forEach(found::add);
                PLAIN.matcher(text)
                        .results()
                        .map((MatchResult line) -> List.of(line.group(1).split(" ")))
                        .forEach(found::add);
            }
        }
        return found.stream();
    }

    @Test
    void commandLines_areFoundInAllFiles() throws IOException {
        assertThat(commandLines().map(line -> line.get(0)))
                .containsExactlyInAnyOrder("work", "work", "work", "work", "migrate");
    }

    @ParameterizedTest
    @MethodSource("commandLines")
    void commandLine_isUnderstood(List<String> line) {
        assertThatCode(() -> parse(line)).doesNotThrowAnyException();
    }

    @Test
    void commandLine_withWhatThereIsNot_isNotUnderstood() {
        assertThatThrownBy(() -> parse(List.of("work", "--no-such-option", "x", "--handlers", "x")))
                .isInstanceOf(ParameterException.class);
        assertThatThrownBy(() -> parse(List.of("work", "--handlers", "x", "--queue", "default")))
                .isInstanceOf(ParameterException.class);
    }

    private static void parse(List<String> line) {
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                new PrintWriter(Writer.nullWriter()),
                new PrintWriter(Writer.nullWriter()),
                Map.of(),
                Outcome.UNCHANGED,
                false);
        CommandLine commands = Main.commandLine(terminal);
        commands.parseArgs(line.toArray(new String[0]));
    }
}
