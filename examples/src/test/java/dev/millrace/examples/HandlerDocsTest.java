package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What docs/handlers.md shows as Java is code that compiles. */
class HandlerDocsTest {

    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    @Test
    void samples_ofTheDocument_areThoseThatAreCompiled() throws IOException {
        String code =
                withoutIndent(Files.readString(Path.of("src/main/java/dev/millrace/examples/HandlerSamples.java")));
        List<String> samples = BLOCK.matcher(Files.readString(Path.of("../docs/handlers.md")))
                .results()
                .map(result -> result.group(1))
                .toList();

        assertThat(samples)
                .hasSizeGreaterThan(5)
                .allSatisfy(sample -> assertThat(code).contains(withoutIndent(sample)));
    }

    private static String withoutIndent(String code) {
        return code.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(Collectors.joining("\n"));
    }
}
