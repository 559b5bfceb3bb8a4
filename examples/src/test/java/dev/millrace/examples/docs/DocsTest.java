package dev.millrace.examples.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.examples.docs.Guides.Block;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every Java sample of the guides is found in a source that is compiled, and what they point at is there. */
class DocsTest {

    private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*(?:Test|IT))(?:\\.(\\w+)(…)?)?`");
    private static final Pattern LINK = Pattern.compile("\\]\\((?!https?:)([^)#\\s]*)(#[^)\\s]*)?\\)");

    /** {@link DocsSqlTest} and DocsCommandsIT look after the others; what has no language is a picture or an answer. */
    private static final Set<String> LANGUAGES = Set.of("java", "sql", "sh", "python", "conf", "ini", "properties", "");

    @Test
    void javaSamples_areCompiled() throws IOException {
        String sources = sources();
        List<Block> samples = Guides.blocks("java");
        assertThat(samples).isNotEmpty();
        for (Block sample : samples) {
            assertThat(sources.contains(withoutSpace(sample.text())))
                    .as("sample at %s is compiled:\n%s", sample.place(), sample.text())
                    .isTrue();
        }
    }

    @Test
    void blocks_areOfALanguageThatIsChecked() {
        assertThat(Guides.all().stream().flatMap(guide -> Guides.blocks(guide).stream()))
                .allSatisfy(block -> assertThat(LANGUAGES).as(block.place()).contains(block.language()));
    }

    /** A guide that says "held by" is only as good as the test that it names. */
    @Test
    void testsNamed_exist() throws IOException {
        String sources = sources();
        List<String> missing = new ArrayList<>();
        for (Path guide : Guides.all()) {
            Matcher test = TEST.matcher(Guides.text(guide));
            while (test.find()) {
                String method = test.group(2);
                boolean found = sources.contains("class" + test.group(1) + "{")
                        && (method == null || sources.contains("void" + method + (test.group(3) == null ? "(" : "")));
                if (!found) {
                    missing.add(guide + ": " + test.group());
                }
            }
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void links_leadToFilesAndHeadings() {
        List<String> broken = new ArrayList<>();
        for (Path guide : Guides.all()) {
            Matcher link = LINK.matcher(Guides.text(guide));
            while (link.find()) {
                Path target = link.group(1).isEmpty()
                        ? guide
                        : Path.of("")
                                .resolve(guide)
                                .resolveSibling(link.group(1))
                                .normalize();
                if (!Files.exists(Guides.ROOT.resolve(target))
                        || link.group(2) != null && !headings(target).contains(link.group(2))) {
                    broken.add(guide + ": " + link.group());
                }
            }
        }
        assertThat(broken).isEmpty();
    }

    @Test
    void index_namesEveryGuide() {
        String index = Guides.text(Path.of("docs/README.md"));
        assertThat(Guides.all().stream()
                        .filter(guide -> guide.startsWith("docs") && !guide.endsWith("README.md"))
                        .map(guide -> "(" + guide.getFileName() + ")"))
                .allSatisfy(link -> assertThat(index).contains(link));
    }

    /** Anchors, as GitHub makes them. */
    private static Set<String> headings(Path guide) {
        return Guides.text(guide)
                .lines()
                .filter(line -> line.startsWith("#"))
                .map(line -> "#"
                        + line.replaceFirst("#+ ", "")
                                .toLowerCase(Locale.ROOT)
                                .replaceAll("[^\\p{L}\\p{N} _-]", "")
                                .replace(' ', '-'))
                .collect(Collectors.toSet());
    }

    /** All Java of the project, without white space. */
    private static String sources() throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> modules = Files.list(Guides.ROOT)) {
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
