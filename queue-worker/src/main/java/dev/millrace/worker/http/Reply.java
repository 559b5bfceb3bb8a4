package dev.millrace.worker.http;

import java.nio.charset.StandardCharsets;

/**
 * What a route answers.
 *
 * @param status of HTTP
 * @param contentType with its character set
 * @param body whole; also for HEAD, which leaves it out
 */
public record Reply(int status, String contentType, String body) {

    /** A line of text. */
    public static Reply text(int status, String line) {
        return new Reply(status, "text/plain; charset=utf-8", line + "\n");
    }

    byte[] bytes() {
        return body.getBytes(StandardCharsets.UTF_8);
    }
}
