package dev.millrace.worker.cli;

import dev.millrace.error.MillraceException;
import dev.millrace.job.DurationText;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetrySchedule;
import dev.millrace.job.Unique;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Reads a job from one line of JSON. */
final class JobLine {

    private static final String FIELDS =
            "kind, args, queue, priority, max_attempts, at, in, timeout, tags, metadata, retry_policy, unique";

    private JobLine() {}

    /**
     * The job on a line.
     *
     * @throws BadLineException if it is none, or one that could not be stored
     */
    static NewJob parse(long number, String line, int maxArgsBytes) {
        try {
            JsonNode object = JsonText.JSON.readTree(line);
            if (!object.isObject()) {
                throw new IllegalArgumentException("it is not a JSON object");
            }
            NewJob job = job(object);
            job.checkedArgs(maxArgsBytes);
            return job;
        } catch (JacksonException failure) {
            throw new BadLineException(number, "it is not valid JSON, " + JsonText.reason(failure), failure);
        } catch (IllegalArgumentException | MillraceException failure) {
            throw new BadLineException(number, String.valueOf(failure.getMessage()), failure);
        }
    }

    private static NewJob job(JsonNode object) {
        String kind = null;
        String args = "{}";
        EnqueueOptions options = EnqueueOptions.DEFAULTS;
        for (Map.Entry<String, JsonNode> field : object.properties()) {
            String name = field.getKey();
            JsonNode value = field.getValue();
            switch (name) {
                case "kind" -> kind = text(name, value);
                case "args" -> args = JsonText.written(name, value);
                case "queue" -> options = options.queue(text(name, value));
                case "priority" -> options = options.priority(integer(name, value));
                case "max_attempts" -> options = options.maxAttempts(integer(name, value));
                case "at" -> options = options.at(Moments.parse(text(name, value)));
                case "in" -> options = options.in(DurationText.parse(text(name, value)));
                case "timeout" -> options = options.timeout(DurationText.parse(text(name, value)));
                case "tags" -> options = options.tags(texts(name, value));
                case "metadata" -> options = options.metadata(object(name, value));
                case "retry_policy" -> options = options.retryPolicy(RetrySchedule.parse(text(name, value)));
                case "unique" -> options = options.unique(unique(value));
                default -> throw new IllegalArgumentException("field '" + name + "' is not known: use " + FIELDS);
            }
        }
        if (kind == null) {
            throw new IllegalArgumentException("field 'kind' is missing");
        }
        if (object.has("at") && object.has("in")) {
            throw new IllegalArgumentException("fields 'at' and 'in' exclude each other");
        }
        return new NewJob(kind, args, options);
    }

    private static Unique unique(JsonNode object) {
        if (!object.isObject()) {
            throw new IllegalArgumentException("field 'unique' is not a JSON object");
        }
        List<String> by = List.of();
        Duration period = null;
        List<String> states = null;
        String onConflict = null;
        List<String> replace = List.of();
        for (Map.Entry<String, JsonNode> field : object.properties()) {
            String name = "unique." + field.getKey();
            JsonNode value = field.getValue();
            switch (field.getKey()) {
                case "by" -> by = List.of(texts(name, value));
                case "for" -> period = DurationText.parse(text(name, value));
                case "states" -> states = List.of(texts(name, value));
                case "on_conflict" -> onConflict = text(name, value);
                case "replace" -> replace = List.of(texts(name, value));
                default ->
                    throw new IllegalArgumentException(
                            "field '" + name + "' is not known: use by, for, states, on_conflict, replace");
            }
        }
        return UniqueWords.parse(by, period, states, onConflict, replace);
    }

    private static String text(String field, JsonNode value) {
        if (!value.isString()) {
            throw new IllegalArgumentException("field '" + field + "' is not a string");
        }
        return JsonText.requirePaired(field, value.asString());
    }

    private static int integer(String field, JsonNode value) {
        if (!value.isIntegralNumber()) {
            throw new IllegalArgumentException("field '" + field + "' is not a whole number");
        }
        if (!value.canConvertToInt()) {
            throw new IllegalArgumentException("field '" + field + "' is out of range");
        }
        return value.asInt();
    }

    private static String[] texts(String field, JsonNode value) {
        if (!value.isArray()) {
            throw new IllegalArgumentException("field '" + field + "' is not an array of strings");
        }
        List<String> texts = new ArrayList<>();
        value.forEach(element -> texts.add(text(field, element)));
        return texts.toArray(new String[0]);
    }

    private static String object(String field, JsonNode value) {
        if (!value.isObject()) {
            throw new IllegalArgumentException("field '" + field + "' is not a JSON object");
        }
        return JsonText.requireNoNul(field, JsonText.written(field, value));
    }
}
