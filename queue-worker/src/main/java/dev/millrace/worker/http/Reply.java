package dev.millrace.worker.http;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a route answers: a status, headers and a body, or a stream of events. Immutable. */
public final class Reply {

    private final int status;
    private final Map<String, String> headers;
    private final byte[] body;
    private final @Nullable Events events;

    /**
     * A stream.
     *
     * @param interval between two questions to the source
     */
    record Events(Duration interval, EventSource source) {}

    private Reply(int status, Map<String, String> headers, byte[] body, @Nullable Events events) {
        this.status = status;
        this.headers = headers;
        this.body = body;
        this.events = events;
    }

    /**
     * Any body.
     *
     * @param contentType with its character set, if it is text
     */
    public static Reply of(int status, String contentType, byte[] body) {
        return new Reply(status, Map.of("Content-Type", contentType), body.clone(), null);
    }

    /** A line of text. */
    public static Reply text(int status, String line) {
        return of(status, "text/plain; charset=utf-8", utf8(line + "\n"));
    }

    /** A page. */
    public static Reply html(int status, String page) {
        return of(status, "text/html; charset=utf-8", utf8(page));
    }

    /** JSON. */
    public static Reply json(int status, String json) {
        return of(status, "application/json", utf8(json));
    }

    /**
     * Sends the browser to another page after an action.
     *
     * @param path of this server, with its query
     * @throws IllegalArgumentException if it could lead elsewhere
     */
    public static Reply redirect(String path) {
        if (!path.matches("/(?![/\\\\])[\\x21-\\x7e]*")) {
            throw new IllegalArgumentException("'" + path + "' is not a path of this server");
        }
        return new Reply(303, Map.of("Location", path), new byte[0], null);
    }

    /**
     * Server-sent events, on a thread of their own: the first at once, then one question to the source in each interval. Ends when the
     * client or the server closes, and after a quarter of an hour, so that the browser asks anew and is authenticated anew. Only so
     * many streams are served at once; further ones are answered 503.
     */
    public static Reply events(Duration interval, EventSource source) {
        if (interval.isNegative() || interval.isZero()) {
            throw new IllegalArgumentException("The interval must be positive, not " + interval);
        }
        // The second header tells nginx not to hold events back.
        return new Reply(
                200,
                Map.of("Content-Type", "text/event-stream", "X-Accel-Buffering", "no"),
                new byte[0],
                new Events(interval, source));
    }

    /** The same with a header, in place of one of that name. */
    public Reply header(String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(name, value);
        return new Reply(status, Map.copyOf(more), body, events);
    }

    int status() {
        return status;
    }

    Map<String, String> headers() {
        return headers;
    }

    byte[] body() {
        return body;
    }

    boolean isHtml() {
        return headers.getOrDefault("Content-Type", "").startsWith("text/html");
    }

    @Nullable Events events() {
        return events;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
