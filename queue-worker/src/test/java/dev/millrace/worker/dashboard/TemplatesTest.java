package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class TemplatesTest {

    @Test
    void noTemplate_hasATagThatShowsMarkup() throws Exception {
        int seen = 0;
        Path folder =
                Path.of(Templates.class.getResource("layout.html").toURI()).getParent();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.html")) {
            for (Path file : files) {
                seen++;
                assertThat(Files.readString(file))
                        .as(file.toString())
                        .doesNotContain("{{{", "{{&", "{{=", "style=")
                        .doesNotContainPattern("\\{\\{[^}]*[^a-zA-Z0-9_.\\-#/^>}]")
                        // An attribute without quotes ends at a space.
                        .doesNotContainPattern("=\\{\\{");
            }
        }
        assertThat(seen).isGreaterThan(15);
    }
}
