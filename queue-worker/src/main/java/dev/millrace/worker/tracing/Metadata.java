package dev.millrace.worker.tracing;

import dev.millrace.job.NewJob;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Context of tracing among the fields of a job's metadata, at the top, under the names that the propagator gives. */
final class Metadata {

    private static final JsonMapper JSON = JsonMapper.shared();

    private static final TextMapGetter<JsonNode> FIELDS = (metadata, key) -> {
        JsonNode field = metadata == null ? null : metadata.get(key);
        return field != null && field.isString() ? field.stringValue() : null;
    };

    private Metadata() {}

    /** The context as the text of a JSON object; {@code {}} where there is none. */
    static String carried(TextMapPropagator propagator, Context context) {
        Map<String, String> fields = new TreeMap<>();
        propagator.inject(context, fields, (carrier, key, value) -> {
            if (carrier != null) {
                carrier.put(key, value);
            }
        });
        return JSON.writeValueAsString(fields);
    }

    /**
     * The job with what is carried before the fields that its metadata has, which win by coming later. They are taken as they are
     * written: numbers keep their digits.
     */
    static NewJob with(NewJob job, String carried) {
        if (carried.equals("{}")) {
            return job;
        }
        String metadata = job.options().metadata();
        String own = metadata == null ? "{}" : metadata.strip();
        if (!own.startsWith("{")) {
            // No JSON object: it is refused with a better message elsewhere.
            return job;
        }
        String rest = own.substring(1).strip();
        String head = carried.substring(0, carried.length() - 1);
        return job.withOptions(options -> options.metadata(head + (rest.startsWith("}") ? "" : ",") + rest));
    }

    /** The context that a job brought along, and nothing of the thread that asks. */
    static Context context(TextMapPropagator propagator, @Nullable String metadata) {
        return metadata == null ? Context.root() : propagator.extract(Context.root(), JSON.readTree(metadata), FIELDS);
    }
}
