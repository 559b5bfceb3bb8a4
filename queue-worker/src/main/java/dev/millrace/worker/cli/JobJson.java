package dev.millrace.worker.cli;

import dev.millrace.ops.AttemptFailure;
import dev.millrace.ops.JobDetails;
import dev.millrace.ops.JobSummary;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Jobs as JSON objects of one line, with the names of the columns; what a job does not have is left out. */
final class JobJson {

    private JobJson() {}

    static String of(JobSummary job) {
        ObjectNode json = object();
        put(json, job);
        putJson(json, "args", job.args());
        put(json, "last_error", job.lastError());
        return JsonText.JSON.writeValueAsString(json);
    }

    static String of(JobDetails details) {
        ObjectNode json = object();
        put(json, details.job());
        putJson(json, "args", details.args());
        putJson(json, "metadata", details.metadata());
        putJson(json, "output", details.output());
        put(json, "timeout", details.timeout());
        put(json, "retry_policy", details.retryPolicy());
        put(json, "cancel_requested_at", details.cancelRequestedAt());
        put(json, "unique_key", details.uniqueKey());
        putTexts(json, "unique_states", details.uniqueStates());
        ArrayNode failures = json.putArray("failures");
        for (AttemptFailure failure : details.failures()) {
            ObjectNode one = failures.addObject();
            if (failure.attempt() != null) {
                one.put("attempt", failure.attempt());
            }
            put(one, "at", failure.at());
            put(one, "worker", failure.worker());
            put(one, "type", failure.type());
            put(one, "message", failure.message());
            put(one, "trace", failure.trace());
        }
        return JsonText.JSON.writeValueAsString(json);
    }

    private static void put(ObjectNode json, JobSummary job) {
        json.put("id", job.id());
        json.put("state", job.state().sql());
        json.put("kind", job.kind());
        json.put("queue", job.queue());
        json.put("priority", job.priority());
        json.put("attempt", job.attempt());
        json.put("max_attempts", job.maxAttempts());
        put(json, "created_at", job.createdAt());
        put(json, "scheduled_at", job.scheduledAt());
        put(json, "attempted_at", job.attemptedAt());
        put(json, "attempted_by", job.attemptedBy());
        put(json, "finalized_at", job.finalizedAt());
        putTexts(json, "tags", job.tags());
    }

    private static void put(ObjectNode json, String name, @Nullable Object value) {
        if (value != null) {
            json.put(name, value.toString());
        }
    }

    private static void putJson(ObjectNode json, String name, @Nullable String text) {
        if (text != null) {
            json.set(name, JsonText.JSON.readTree(text));
        }
    }

    private static void putTexts(ObjectNode json, String name, List<String> texts) {
        if (!texts.isEmpty()) {
            texts.forEach(json.putArray(name)::add);
        }
    }

    private static ObjectNode object() {
        return JsonText.JSON.createObjectNode();
    }
}
