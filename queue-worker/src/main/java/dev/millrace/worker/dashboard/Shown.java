package dev.millrace.worker.dashboard;

import tools.jackson.core.JacksonException;
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

    /** On many lines, indented; cut where it is long. */
    String block(String kind, Redaction.Part part, String json) {
        String text = line(kind, part, json);
        try {
            if (text.length() <= MOST) {
                text = JsonMapper.shared()
                        .writerWithDefaultPrettyPrinter()
                        .writeValueAsString(JsonMapper.shared().readTree(text));
            }
        } catch (JacksonException notJson) {
            // A redaction may give any text.
            return text;
        }
        return text.length() <= MOST
                ? text
                : text.substring(0, MOST) + "\n… " + Numbers.of(text.length()) + " characters in all";
    }
}
