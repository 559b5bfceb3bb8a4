package dev.millrace.worker.engine;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.JacksonArgsCodec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What is kept of a failed attempt, as JSON that PostgreSQL can always store: bounded in size, without NUL or lone surrogates. */
final class AttemptError {

    private static final int MAX_MESSAGE = 2_000;
    private static final int MAX_TRACE = 8_000;
    /** Of each throwable, so that the causes of one that comes from deep down have room. */
    private static final int MAX_FRAMES = 30;

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

    /** Without recursion: a chain of causes may be of any length, or a circle. */
    private static String trace(Throwable error) {
        StringBuilder trace = new StringBuilder();
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        List<StackTraceElement> enclosing = List.of();
        String caption = "";
        for (Throwable next = error; next != null && trace.length() < MAX_TRACE; next = next.getCause()) {
            if (!seen.add(next)) {
                trace.append(caption).append("(a circle) ").append(next).append('\n');
                break;
            }
            List<StackTraceElement> frames = ofHandler(next.getStackTrace());
            append(trace, caption, next, frames, enclosing);
            for (Throwable suppressed : next.getSuppressed()) {
                append(trace, "Suppressed: ", suppressed, ofHandler(suppressed.getStackTrace()), frames);
            }
            enclosing = frames;
            caption = "Caused by: ";
        }
        return trace.toString();
    }

    /** Leaves out what the enclosing trace ends with too. */
    private static void append(
            StringBuilder trace,
            String caption,
            Throwable error,
            List<StackTraceElement> frames,
            List<StackTraceElement> enclosing) {
        if (trace.length() >= MAX_TRACE) {
            return;
        }
        int common = 0;
        while (common < Math.min(frames.size(), enclosing.size())
                && frames.get(frames.size() - 1 - common).equals(enclosing.get(enclosing.size() - 1 - common))) {
            common++;
        }
        int shown = Math.min(MAX_FRAMES, frames.size() - common);
        trace.append(caption).append(error).append('\n');
        frames.subList(0, shown)
                .forEach(frame -> trace.append("\tat ").append(frame).append('\n'));
        if (shown < frames.size()) {
            trace.append("\t... ").append(frames.size() - shown).append(" more\n");
        }
    }

    /** How every handler was called says nothing about this one. */
    static List<StackTraceElement> ofHandler(StackTraceElement[] frames) {
        return Arrays.stream(frames)
                .filter(frame -> !isOfEngine(frame.getClassName()))
                .toList();
    }

    private static boolean isOfEngine(String type) {
        return type.startsWith("dev.millrace.worker.engine.")
                || type.startsWith("dev.millrace.worker.handler.")
                || type.equals("java.lang.Thread")
                || type.startsWith("java.lang.VirtualThread");
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
