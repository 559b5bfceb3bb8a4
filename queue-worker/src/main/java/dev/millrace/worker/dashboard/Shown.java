package dev.millrace.worker.dashboard;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** The data of jobs as pages show it: all of it passes the redaction here. Thread-safe. */
final class Shown {

    private static final Logger LOG = LoggerFactory.getLogger(Shown.class);

    private static final int MOST = 100_000;
    private static final String HIDDEN = "(hidden: the redaction failed, see the log)";

    private final Redaction redaction;

    Shown(Redaction redaction) {
        this.redaction = redaction;
    }

    /** On one line. */
    String line(String kind, Redaction.Part part, String json) {
        try {
            return redaction.shown(kind, part, json);
        } catch (RuntimeException failure) {
            // What could not be redacted must not be shown, and its kind is all that the log may say.
            LOG.warn(
                    "The redaction failed for {} of a job of kind {}: {}",
                    part,
                    kind,
                    failure.getClass().getName());
            return HIDDEN;
        }
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
