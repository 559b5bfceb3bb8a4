package dev.millrace.worker.dashboard;

import java.io.StringWriter;
import java.util.Collection;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Hides values by the names of their fields; copies everything else as it is written, numbers of any length too. Thread-safe. */
final class RedactedFields implements Redaction {

    private static final String HIDDEN = "***";

    private final JsonFactory factory = new JsonFactory();
    private final Set<String> names;

    /** @throws IllegalArgumentException if a name is blank */
    RedactedFields(Collection<String> names) {
        if (names.stream().anyMatch(String::isBlank)) {
            throw new IllegalArgumentException("The name of a field to hide is blank");
        }
        this.names = names.stream().map(RedactedFields::plain).collect(Collectors.toUnmodifiableSet());
    }

    @Override
    public String shown(String kind, Part part, String json) {
        StringWriter shown = new StringWriter();
        try (JsonParser parser = factory.createParser(ObjectReadContext.empty(), json);
                JsonGenerator generator = factory.createGenerator(ObjectWriteContext.empty(), shown)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                copy(parser, generator, token);
            }
        }
        return shown.toString();
    }

    private void copy(JsonParser parser, JsonGenerator generator, JsonToken token) {
        if (token == JsonToken.PROPERTY_NAME && names.contains(plain(parser.currentName()))) {
            generator.writeStringProperty(parser.currentName(), HIDDEN);
            parser.nextToken();
            parser.skipChildren();
        } else {
            generator.copyCurrentEventExact(parser);
        }
    }

    private static String plain(String name) {
        return name.replaceAll("[-_]", "").toLowerCase(Locale.ROOT);
    }
}
