package dev.millrace.worker.http;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The paths that one route answers: fixed segments, and variables such as {@code {id}} that stand for one segment each.
 *
 * @param text as written, such as {@code /jobs/{id}}
 */
record PathPattern(String text) {

    PathPattern {
        if (!text.startsWith("/")) {
            throw new IllegalArgumentException("The path '" + text + "' does not start with /");
        }
    }

    /**
     * What the variables stand for.
     *
     * @param rawPath not decoded yet, so that an encoded slash stays within its segment
     * @return empty if the path is another one
     */
    Optional<Map<String, String>> match(String rawPath) {
        List<String> mine = segments(text);
        List<String> asked = segments(rawPath);
        if (mine.size() != asked.size()) {
            return Optional.empty();
        }
        Map<String, String> variables = new LinkedHashMap<>();
        for (int i = 0; i < mine.size(); i++) {
            if (!isVariable(mine.get(i))) {
                if (!mine.get(i).equals(asked.get(i))) {
                    return Optional.empty();
                }
            } else if (asked.get(i).isEmpty()) {
                return Optional.empty();
            } else {
                variables.put(name(mine.get(i)), decoded(asked.get(i)));
            }
        }
        return Optional.of(variables);
    }

    /** Of patterns that match, the one with the fewest variables is meant. */
    int variables() {
        return (int) segments(text).stream().filter(PathPattern::isVariable).count();
    }

    /** The same for patterns that match the same paths. */
    String shape() {
        List<String> shape = new ArrayList<>();
        segments(text).forEach(segment -> shape.add(isVariable(segment) ? "{}" : segment));
        return String.join("/", shape);
    }

    private static List<String> segments(String path) {
        return List.of(path.split("/", -1));
    }

    private static boolean isVariable(String segment) {
        return segment.startsWith("{") && segment.endsWith("}");
    }

    private static String name(String variable) {
        return variable.substring(1, variable.length() - 1);
    }

    /** A plus is a plus in a path. */
    private static String decoded(String segment) {
        return URLDecoder.decode(segment.replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}
