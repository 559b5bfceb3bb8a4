package dev.millrace.worker.browser;

import dev.millrace.testing.ChromeDriver;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One window with a profile of its own, by the commands of the WebDriver protocol and of Chromium. Not for concurrent use. */
final class WebDriver implements AutoCloseable {

    /** The name by which the protocol refers to an element. */
    static final String ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final JsonMapper JSON = JsonMapper.shared();

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(LIMIT).build();
    private final URI driver = ChromeDriver.address();
    private final String session;

    WebDriver() {
        Map<String, ?> capabilities = Map.of(
                "goog:chromeOptions",
                Map.of("args", ChromeDriver.arguments()),
                "goog:loggingPrefs",
                Map.of("browser", "ALL", "performance", "ALL"),
                "timeouts",
                Map.of("pageLoad", LIMIT.toMillis(), "script", LIMIT.toMillis()));
        session = "/session/"
                + send("POST", "/session", Map.of("capabilities", Map.of("alwaysMatch", capabilities)))
                        .required("sessionId")
                        .asString();
    }

    JsonNode get(String command) {
        return send("GET", session + command, null);
    }

    JsonNode post(String command, Map<String, ?> parameters) {
        return send("POST", session + command, parameters);
    }

    /** The value of a function body, which finds the arguments in {@code arguments}. */
    JsonNode script(String body, @Nullable Object... arguments) {
        return post("/execute/sync", Map.of("script", body, "args", List.of(arguments)));
    }

    /** A command of the developer tools. */
    JsonNode devTools(String command, Map<String, ?> parameters) {
        return post("/goog/cdp/execute", Map.of("cmd", command, "params", parameters));
    }

    /** What was logged since it was last asked: of type {@code browser} for the console, or {@code performance}. */
    JsonNode log(String type) {
        return post("/se/log", Map.of("type", type));
    }

    @Override
    public void close() {
        send("DELETE", session, null);
    }

    private JsonNode send(String method, String path, @Nullable Map<String, ?> body) {
        HttpRequest request = HttpRequest.newBuilder(driver.resolve(path))
                .timeout(LIMIT)
                .method(
                        method,
                        body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build();
        try {
            HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
            JsonNode value = JSON.readTree(response.body()).required("value");
            if (response.statusCode() != 200) {
                throw new BrowserException(
                        value.path("error").asString(), value.path("message").asString());
            }
            return value;
        } catch (IOException e) {
            throw new BrowserException("no answer", method + " " + path + ": " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BrowserException("interrupted", method + " " + path);
        }
    }
}
