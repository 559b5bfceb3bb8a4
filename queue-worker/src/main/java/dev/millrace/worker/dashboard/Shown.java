package dev.millrace.worker.dashboard;

import java.io.StringWriter;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.json.JsonMapper;

/** The data of jobs as pages show it: all of it passes the redaction here. Thread-safe. */
final class Shown {

    private static final int MOST = 100_000;

    private final Redaction redaction;

    Shown(Redaction redaction) {
        this.redaction = new GuardedRedaction(redaction);
    }

    /** On one line. */
    String line(String kind, Redaction.Part part, String json) {
        return redaction.shown(kind, part, json);
    }

    /** On many lines, indented; numbers as they are written; cut where it is long. */
    String block(String kind, Redaction.Part part, String json) {
        String text = line(kind, part, json);
        try {
            if (text.length() <= MOST) {
                text = indented(text);
            }
        } catch (JacksonException notJson) {
            // A redaction may give any text.
            return text;
        }
        return text.length() <= MOST
                ? text
                : text.substring(0, MOST) + "\n… " + Numbers.of(text.length()) + " characters in all";
    }

    /** Token by token: a tree of values would round numbers. */
    private static String indented(String json) {
        StringWriter indented = new StringWriter();
        try (JsonParser parser = JsonMapper.shared().createParser(json);
                JsonGenerator generator =
                        JsonMapper.shared().writerWithDefaultPrettyPrinter().createGenerator(indented)) {
            while (parser.nextToken() != null) {
                generator.copyCurrentEventExact(parser);
            }
        }
        return indented.toString();
    }
}
