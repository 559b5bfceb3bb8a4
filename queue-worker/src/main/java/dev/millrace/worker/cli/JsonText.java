package dev.millrace.worker.cli;

import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON that goes to the database as it is: checked for what {@code jsonb} refuses, and no digit changed. */
final class JsonText {

    /**
     * Numbers keep all their digits, a field given twice is an error, and what follows the value is one as well. The limits
     * of Jackson are against strangers; this JSON is the user's own and limited by its size.
     */
    static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(Integer.MAX_VALUE)
                            .maxNumberLength(Integer.MAX_VALUE)
                            .maxNameLength(Integer.MAX_VALUE)
                            .build())
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS, DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private static final Pattern NUL = Pattern.compile("(?<!\\\\)(?:\\\\\\\\)*\\\\u0000");

    private JsonText() {}

    /**
     * Takes the text if it is JSON.
     *
     * @throws UsageException unless the text is one JSON value
     */
    static String requireValue(String what, String text) {
        parsed(what, text);
        return text;
    }

    /**
     * Takes the text if it is a JSON object.
     *
     * @throws UsageException unless the text is one JSON object
     */
    static String requireObject(String what, String text) {
        if (!parsed(what, text).isObject()) {
            throw new UsageException(what + " is not a JSON object");
        }
        return requireNoNul(what, text);
    }

    private static JsonNode parsed(String what, String text) {
        try {
            JsonNode value = JSON.readTree(text);
            if (value.isMissingNode()) {
                throw new UsageException(what + " is empty: give one JSON value");
            }
            return value;
        } catch (JacksonException failure) {
            throw new UsageException(what + " is not valid JSON, " + reason(failure));
        }
    }

    /** The text of a value that was read. */
    static String written(String what, JsonNode value) {
        return requirePaired(what, JSON.writeValueAsString(value));
    }

    /** UTF-8 has no half of a pair: it would silently become a question mark. */
    static String requirePaired(String what, String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (!Character.isSurrogatePair(text.charAt(i), i + 1 < text.length() ? text.charAt(i + 1) : ' ')) {
                    throw new IllegalArgumentException(
                            "field '" + what + "' has half a surrogate pair, which is no character");
                }
                i++;
            }
        }
        return text;
    }

    static String requireNoNul(String what, String json) {
        if (NUL.matcher(json).find()) {
            throw new IllegalArgumentException(
                    "'" + what + "' contains a NUL character (\\u0000), which PostgreSQL can't store");
        }
        return json;
    }

    /** Where and why, without the value: where it is long, it says nothing. */
    static String reason(JacksonException failure) {
        String message =
                failure.getOriginalMessage().lines().findFirst().orElse("").replaceFirst(" \\(start marker at .*", "");
        String brief = message.length() <= 200 ? message : message.substring(0, 200) + "…";
        return "column " + failure.getLocation().getColumnNr() + ": " + brief;
    }
}
