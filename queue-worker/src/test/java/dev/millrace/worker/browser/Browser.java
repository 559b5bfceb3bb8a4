package dev.millrace.worker.browser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.ChromeDriver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A window of headless Chromium for one test class, which it aborts where there is none. It fails a test in which something
 * was logged to the console as an error (a script that failed, a breach of the content security policy, an asset that is
 * missing) or in which anything but the server under test was asked for. Of a failed test it keeps a picture. Every wait ends
 * after 20 seconds. Pictures go to {@code target/screenshots}. Not for concurrent use.
 */
final class Browser implements BeforeAllCallback, BeforeEachCallback, AfterTestExecutionCallback, AfterAllCallback {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Path SCREENSHOTS = Path.of("target", "screenshots");

    private final List<String> errors = new ArrayList<>();
    private final List<String> requests = new ArrayList<>();
    private @Nullable WebDriver window;
    private URI server = URI.create("about:blank");

    @Override
    public void beforeAll(ExtensionContext context) {
        ChromeDriver.assumeInstalled();
        window = new WebDriver();
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        desktop();
        dark(false);
        scripts(true);
        leave();
        readLogs();
        errors.clear();
        requests.clear();
    }

    @Override
    public void afterTestExecution(ExtensionContext context) {
        readLogs();
        if (context.getExecutionException().isPresent()) {
            screenshot("failed-" + context.getRequiredTestClass().getSimpleName() + "-"
                    + context.getRequiredTestMethod().getName());
            throw new AssertionError("The test failed on " + address() + "; console: " + errors);
        }
        assertThat(errors).as("errors on the console").isEmpty();
        assertThat(outsideRequests())
                .as("requests to other servers than " + server)
                .isEmpty();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        if (window != null) {
            window.close();
            window = null;
        }
    }

    /** The server under test. */
    void server(URI address) {
        server = address;
    }

    /** Loads a page of the server. */
    void open(String path) {
        driver().post("/url", Map.of("url", server + path));
    }

    /** With a name and a password, which the browser then sends with every request. */
    void open(String path, String user, String password) {
        driver().post("/url", Map.of("url", "http://" + user + ":" + password + "@" + server.getAuthority() + path));
    }

    /** Closes the page, and with it what it still asks of the server. */
    void leave() {
        driver().post("/url", Map.of("url", "about:blank"));
    }

    /** Path and query of the page that is shown. */
    String address() {
        return string("return location.pathname + location.search");
    }

    /** Clicks the first element that matches and has this text (its name, for one without), as soon as there is one. */
    void click(String css, String text) {
        String find = """
                const [css, text] = arguments;
                const name = e => (e.innerText.trim() || e.value || e.getAttribute('aria-label') || '').replace(/\\s+/g, ' ').trim();
                return [...document.querySelectorAll(css)].find(e => e.checkVisibility() && name(e) === text) ?? null;
                """;
        whenReady(() -> {
            JsonNode found = driver().script(find, css, text);
            if (found.isNull()) {
                throw new BrowserException("no such element", css + " with the text " + text);
            }
            driver().post("/element/" + found.required(WebDriver.ELEMENT).asString() + "/click", Map.of());
        });
    }

    /** Clicks the first element that matches, as soon as there is one. */
    void click(String css) {
        whenReady(() -> driver().post("/element/" + find(css) + "/click", Map.of()));
    }

    /** Replaces what stands in a field. */
    void fill(String css, String text) {
        whenReady(() -> {
            driver().post("/element/" + find(css) + "/clear", Map.of());
            driver().post("/element/" + find(css) + "/value", Map.of("text", text));
        });
    }

    /** Chooses an option by its value. */
    void choose(String css, String value) {
        click(css + " option[value='" + value + "']");
    }

    /** Presses and releases a key, wherever the focus is. */
    void press(Key key) {
        driver().post(
                        "/actions",
                        Map.of(
                                "actions",
                                List.of(Map.of(
                                        "type",
                                        "key",
                                        "id",
                                        "keyboard",
                                        "actions",
                                        List.of(
                                                Map.of("type", "keyDown", "value", key.value()),
                                                Map.of("type", "keyUp", "value", key.value()))))));
    }

    /** The name of what has the focus. */
    String focused() {
        return string("""
                const e = document.activeElement;
                return (e.labels?.[0]?.innerText || e.getAttribute('aria-label') || e.innerText || e.value || e.tagName).trim();
                """);
    }

    /** Whether nothing on the page has the focus. */
    boolean isFocusOnBody() {
        return script("return document.activeElement === document.body").asBoolean();
    }

    /** Whether what has the focus can be told from how it looks without. */
    boolean isFocusVisible() {
        return script("""
                        const e = document.activeElement;
                        const look = () => {
                          const s = getComputedStyle(e);
                          return [s.outlineStyle === 'none' ? '' : s.outline, s.boxShadow, s.borderColor, s.backgroundColor].join();
                        };
                        const box = e.getBoundingClientRect();
                        const with_ = look();
                        e.blur();
                        const without = look();
                        e.focus({ preventScroll: true, focusVisible: true });
                        return with_ !== without && box.width > 0 && box.bottom > 0 && box.top < innerHeight;
                        """).asBoolean();
    }

    /** The visible text of the first element that matches; empty if there is none. */
    String text(String css) {
        return string("return document.querySelector(arguments[0])?.innerText ?? ''", css);
    }

    /** The visible text of each element that matches. */
    List<String> texts(String css) {
        List<String> texts = new ArrayList<>();
        script("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", css)
                .forEach(text -> texts.add(text.asString()));
        return texts;
    }

    /** How many elements match. */
    int count(String css) {
        return script("return document.querySelectorAll(arguments[0]).length", css)
                .asInt();
    }

    /** Waits until the first element that matches has such a text. */
    void awaitText(String css, Predicate<String> expected) {
        await().pollInterval(Duration.ofMillis(50))
                .atMost(SOON)
                .untilAsserted(() -> assertThat(text(css))
                        .as("text of %s on %s", css, address())
                        .matches(expected));
    }

    /** Waits until the first element that matches contains a text. */
    void awaitText(String css, String expected) {
        await().pollInterval(Duration.ofMillis(50))
                .atMost(SOON)
                .untilAsserted(() -> assertThat(text(css))
                        .as("text of %s on %s", css, address())
                        .contains(expected));
    }

    /** The value of a function body, which finds the arguments in {@code arguments}. */
    JsonNode script(String body, @Nullable Object... arguments) {
        return driver().script(body, arguments);
    }

    /** As {@link #script}, for text. */
    String string(String body, @Nullable Object... arguments) {
        return script(body, arguments).asString();
    }

    /** What was logged to the console as an error since the test began, or since this was asked; then it is no failure any more. */
    List<String> takeErrors() {
        readLogs();
        List<String> taken = List.copyOf(errors);
        errors.clear();
        return taken;
    }

    /** What was asked of any other than the server under test since the test began, or since this was asked; as above. */
    List<String> takeOutsideRequests() {
        readLogs();
        List<String> taken = outsideRequests();
        requests.clear();
        return taken;
    }

    /** A window of 1280 by 1080 pixels. */
    void desktop() {
        window(1280, 1080);
    }

    /** A small phone: 390 by 844 pixels. */
    void phone() {
        size(390, 844, true);
    }

    /** A window of so many pixels. */
    void window(int width, int height) {
        size(width, height, false);
    }

    private void size(int width, int height, boolean mobile) {
        driver().devTools(
                        "Emulation.setDeviceMetricsOverride",
                        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", mobile));
    }

    /** Whether pages may run scripts; they may when a test begins. */
    void scripts(boolean enabled) {
        driver().devTools("Emulation.setScriptExecutionDisabled", Map.of("value", !enabled));
    }

    /** What the system of the user prefers. */
    void dark(boolean preferred) {
        driver().devTools(
                        "Emulation.setEmulatedMedia",
                        Map.of(
                                "features",
                                List.of(
                                        Map.of("name", "prefers-color-scheme", "value", preferred ? "dark" : "light"),
                                        Map.of("name", "prefers-reduced-motion", "value", "reduce"))));
    }

    /** Keeps a picture of the whole page. */
    Path screenshot(String name) {
        return screenshot(name, true);
    }

    /** Keeps a picture of what is in the window. */
    Path screenshotOfWindow(String name) {
        return screenshot(name, false);
    }

    private Path screenshot(String name, boolean whole) {
        String picture = driver().devTools(
                        "Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", whole))
                .required("data")
                .asString();
        try {
            Files.createDirectories(SCREENSHOTS);
            return Files.write(
                    SCREENSHOTS.resolve(name + ".png"), Base64.getDecoder().decode(picture));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<String> outsideRequests() {
        return requests.stream()
                .filter(url -> !url.startsWith(server + "/") && !url.startsWith("data:") && !url.startsWith("about:"))
                .toList();
    }

    private String find(String css) {
        return driver().post("/element", Map.of("using", "css selector", "value", css))
                .required(WebDriver.ELEMENT)
                .asString();
    }

    private static void whenReady(Runnable action) {
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(50))
                .atMost(SOON)
                .ignoreExceptionsMatching(e -> e instanceof BrowserException failure && failure.isOfTheMoment())
                .untilAsserted(action::run);
    }

    private void readLogs() {
        for (JsonNode entry : driver().log("browser")) {
            if (entry.path("level").asString().equals("SEVERE")) {
                errors.add(entry.path("message").asString());
            }
        }
        for (JsonNode entry : driver().log("performance")) {
            JsonNode message = JsonMapper.shared()
                    .readTree(entry.path("message").asString())
                    .path("message");
            if (message.path("method").asString().equals("Network.requestWillBeSent")) {
                requests.add(message.at("/params/request/url").asString());
            }
        }
    }

    private WebDriver driver() {
        return Objects.requireNonNull(window, "there is no window outside of a test class");
    }
}
