package dev.millrace.examples.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What is written for people: README.md, CONTRIBUTING.md, docs and the notes beside the files to deploy. */
final class Guides {

    static final Path ROOT = Path.of("").toAbsolutePath().getParent();

    private static final Pattern BLOCK = Pattern.compile("^```(\\w*)\\n(.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);

    private Guides() {}

    /**
     * One fenced block.
     *
     * @param guide relative to the repository
     * @param line of its first line, from 1
     * @param language that stands at the fence; empty if there is none
     * @param text between the fences
     */
    record Block(Path guide, int line, String language, String text) {
        String place() {
            return guide + ":" + line;
        }
    }

    /** All files, relative to the repository. */
    static List<Path> all() {
        List<Path> all = new ArrayList<>(List.of(Path.of("README.md"), Path.of("CONTRIBUTING.md")));
        for (String folder : List.of("docs", "examples/deploy")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
                files.filter(file -> file.toString().endsWith(".md"))
                        .map(ROOT::relativize)
                        .sorted()
                        .forEach(all::add);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return all;
    }

    static String text(Path guide) {
        try {
            return Files.readString(ROOT.resolve(guide));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The blocks of a guide in order. */
    static List<Block> blocks(Path guide) {
        String text = text(guide);
        return BLOCK.matcher(text)
                .results()
                .map(found -> new Block(guide, line(text, found), found.group(1), found.group(2)))
                .toList();
    }

    /** Those of one language in all guides. */
    static List<Block> blocks(String language) {
        return all().stream()
                .flatMap(guide -> blocks(guide).stream())
                .filter(block -> block.language().equals(language))
                .toList();
    }

    private static int line(String text, MatchResult found) {
        return (int) text.substring(0, found.start(2)).lines().count() + 1;
    }
}
