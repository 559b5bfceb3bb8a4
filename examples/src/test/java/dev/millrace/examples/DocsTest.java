package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every Java sample of the guides is found in a source that is compiled. */
class DocsTest {

    private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*(?:Test|IT))(?:\\.(\\w+)(…)?)?`");
    private static final Path ROOT = Path.of("").toAbsolutePath().getParent();

    @Test
    void javaSamples_areCompiled() throws IOException {
        String sources = sources();
        List<String> samples = new ArrayList<>();
        try (Stream<Path> guides = Files.list(ROOT.resolve("docs"))) {
            for (Path guide :
                    guides.filter(file -> file.toString().endsWith(".md")).toList()) {
                Matcher sample = JAVA.matcher(Files.readString(guide));
                while (sample.find()) {
                    assertThat(sources.contains(withoutSpace(sample.group(1))))
                            .as("sample of %s is compiled:\n%s", guide.getFileName(), sample.group(1))
                            .isTrue();
                    samples.add(sample.group(1));
                }
            }
        }
        assertThat(samples).isNotEmpty();
    }

    /** A guide that says "held by" is only as good as the test that it names. */
    @Test
    void testsNamed_exist() throws IOException {
        String sources = sources();
        List<String> missing = new ArrayList<>();
        try (Stream<Path> guides = Files.list(ROOT.resolve("docs"))) {
            for (Path guide :
                    guides.filter(file -> file.toString().endsWith(".md")).toList()) {
                Matcher test = TEST.matcher(Files.readString(guide));
                while (test.find()) {
                    String method = test.group(2);
                    boolean found = sources.contains("class" + test.group(1) + "{")
                            && (method == null
                                    || sources.contains("void" + method + (test.group(3) == null ? "(" : "")));
                    if (!found) {
                        missing.add(guide.getFileName() + ": " + test.group());
                    }
                }
            }
        }
        assertThat(missing).isEmpty();
    }

    /** All Java of the project, without white space. */
    private static String sources() throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> modules = Files.list(ROOT)) {
            for (Path module : modules.map(path -> path.resolve("src"))
                    .filter(Files::isDirectory)
                    .toList()) {
                try (Stream<Path> files = Files.walk(module)) {
                    for (Path file : files.filter(path -> path.toString().endsWith(".java"))
                            .toList()) {
                        all.append(withoutSpace(Files.readString(file)));
                    }
                }
            }
        }
        return all.toString();
    }

    /** So that the formatter may break lines as it likes. */
    private static String withoutSpace(String text) {
        return text.replaceAll("\\s+", "");
    }
}
