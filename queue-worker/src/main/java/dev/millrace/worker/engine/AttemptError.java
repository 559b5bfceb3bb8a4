package dev.millrace.worker.engine;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.JacksonArgsCodec;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What is kept of a failed attempt, as JSON that PostgreSQL can always store: bounded in size, without NUL or lone surrogates. */
final class AttemptError {

    private static final int MAX_MESSAGE = 2_000;
    private static final int MAX_TRACE = 8_000;
    /** How every handler was called: the same lines below each trace, in the room of those that tell something. */
    private static final Pattern ENGINE_FRAMES = Pattern.compile(
            "^\\s*at (?:dev\\.millrace\\.worker\\.(?:engine\\.|handler\\.Handlers\\.)"
                    + "|java\\.base/java\\.lang\\.(?:Thread\\.run|VirtualThread\\.)).*\\R",
            Pattern.MULTILINE);

    /** Not the user's codec: this must not fail. */
    private final ArgsCodec json = new JacksonArgsCodec();

    private final String workerId;

    AttemptError(String workerId) {
        this.workerId = workerId;
    }

    /** Of what the handler threw. */
    String of(LeasedJob job, Throwable error) {
        String type = error.getClass().getName();
        try {
            return write(job, type, error.getMessage(), trace(error));
        } catch (Throwable unreadable) {
            return write(
                    job,
                    type,
                    "(its message can't be read: " + unreadable.getClass().getName() + ")",
                    null);
        }
    }

    /** In words of ours. */
    String of(LeasedJob job, String type, String message) {
        return write(job, type, message, null);
    }

    /** In words of ours, with the trace of what ended it or where it stood. */
    String of(LeasedJob job, String type, String message, Throwable cause) {
        try {
            return write(job, type, message, trace(cause));
        } catch (Throwable unreadable) {
            return write(job, type, message, null);
        }
    }

    private static String trace(Throwable error) {
        StringWriter trace = new StringWriter();
        error.printStackTrace(new PrintWriter(trace));
        return ENGINE_FRAMES.matcher(trace.getBuffer()).replaceAll("");
    }

    private String write(LeasedJob job, String type, @Nullable String message, @Nullable String trace) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("attempt", job.attempt());
        error.put("at", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
        error.put("worker", workerId);
        error.put("type", type);
        error.put("message", Storable.text(message == null ? "" : message, MAX_MESSAGE));
        if (trace != null) {
            error.put("trace", Storable.text(trace, MAX_TRACE));
        }
        return json.encode(error);
    }
}
