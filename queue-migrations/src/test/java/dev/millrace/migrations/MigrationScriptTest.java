package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MigrationScriptTest {

    @Test
    void scripts_ofThisRelease_areAllFilesInOrderUpToRequired() throws Exception {
        Path directory = Path.of(MigrationScript.class.getResource("sql").toURI());
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(MigrationScript.ALL)
                    .extracting(MigrationScript::fileName)
                    .containsExactlyInAnyOrderElementsOf(
                            files.map(file -> file.getFileName().toString()).toList());
        }
        List<Integer> versions =
                MigrationScript.ALL.stream().map(MigrationScript::version).toList();
        assertThat(versions).isSorted().doesNotHaveDuplicates().startsWith(1).endsWith(SchemaVersion.REQUIRED);
    }

    @Test
    void scripts_ofThisRelease_recordTheirVersion() {
        assertThat(MigrationScript.ALL)
                .allSatisfy(script -> assertThat(script.text().strip())
                        .endsWith("INSERT INTO millrace_version (version) VALUES (" + script.version() + ");"));
    }
}
