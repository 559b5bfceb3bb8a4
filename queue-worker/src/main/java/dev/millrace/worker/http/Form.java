package dev.millrace.worker.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Reads the body of a post, which is a form of at most {@value #LIMIT} bytes. */
final class Form {

    static final int LIMIT = 64 * 1024;

    private Form() {}

    /**
     * All fields.
     *
     * @throws Refusal if the body is no form or is too long
     * @throws IOException if the client sends it too slowly
     */
    static Map<String, List<String>> read(HttpExchange exchange, RequestHead head, TimeLimit timeLimit)
            throws Refusal, IOException {
        if (head.header("Content-Type")
                .filter(type -> type.matches("(?i)application/x-www-form-urlencoded *(;.*)?"))
                .isEmpty()) {
            throw Refusal.because(415, "Only forms (application/x-www-form-urlencoded) are taken");
        }
        byte[][] body = new byte[1][];
        timeLimit.run(() -> body[0] = exchange.getRequestBody().readNBytes(LIMIT + 1));
        if (body[0].length > LIMIT) {
            throw Refusal.because(413, "The form is longer than " + LIMIT + " bytes");
        }
        return Parameters.of(new String(body[0], StandardCharsets.UTF_8));
    }
}
