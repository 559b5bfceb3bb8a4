package dev.millrace.worker.browser;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;

/** Asks axe what keeps people out of a page who can't see, point, or tell colours apart: WCAG 2.2 AA, and its best practices. */
final class Accessibility {

    private static final String AXE = read();
    private static final String RUN = """
            return axe.run(document, {
              resultTypes: ['violations'],
              runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
            }).then(found => found.violations.flatMap(v => v.nodes.map(n =>
                v.id + ': ' + v.help + ': ' + n.html + ' ' + n.any.concat(n.all).map(c => c.message).join('; '))));
            """;

    private Accessibility() {}

    /** A sentence for each element of the page that is in somebody's way. */
    static List<String> problems(Browser browser) {
        browser.script(AXE);
        List<String> problems = new ArrayList<>();
        for (JsonNode problem : browser.script(RUN)) {
            problems.add(problem.asString());
        }
        return problems;
    }

    private static String read() {
        try (InputStream script = Accessibility.class.getResourceAsStream("/axe.min.js")) {
            return new String(Objects.requireNonNull(script).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
