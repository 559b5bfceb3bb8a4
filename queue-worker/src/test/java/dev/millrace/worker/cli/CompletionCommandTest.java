package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompletionCommandTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "millrace per, periodic",
        "millrace jobs red, redrive",
        "millrace work --abandon, --abandon-after",
        "millrace work --log-format j, json",
        "millrace completion z, zsh"
    })
    void completion_inBash_completesCommandsOptionsAndValues(String typed, String expected) throws Exception {
        assertThat(completed(typed).lines()).contains(expected);
    }

    @Test
    void completion_forZsh_loadsWhatZshNeedsForIt() {
        assertThat(Outcome.of(Map.of(), "completion", "zsh").done().out()).contains("bashcompinit");
    }

    /** What a bash that has read the script offers at the end of a line. */
    private String completed(String line) throws IOException, InterruptedException {
        String script = Outcome.of(Map.of(), "completion", "bash").done().out();
        Path file = Files.writeString(folder.resolve("completion"), script + """

                COMP_WORDS=(%s)
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                COMP_LINE='%s'
                $(complete -p millrace | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
                printf '%%s\\n' "${COMPREPLY[@]}"
                """.formatted(line, line));
        Process bash = new ProcessBuilder("bash", file.toString())
                .redirectErrorStream(true)
                .start();
        String out = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(bash.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return out;
    }
}
