package dev.millrace.worker.browser;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The rig itself sees what it is there to see. */
@Timeout(120)
class BrowserRigTest {

    @RegisterExtension
    static final Browser browser = new Browser();

    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.start();
        browser.server(URI.create("http://127.0.0.1:" + server.getAddress().getPort()));
    }

    private void open(String policy, String body) {
        byte[] page = ("<title>x</title><link rel=icon href=data:,>" + body).getBytes(StandardCharsets.UTF_8);
        server.createContext("/", exchange -> {
            try (exchange) {
                exchange.getResponseHeaders().set("Content-Type", "text/html");
                exchange.getResponseHeaders().set("Content-Security-Policy", policy);
                exchange.sendResponseHeaders(200, page.length);
                exchange.getResponseBody().write(page);
            }
        });
        browser.open("/");
    }

    @AfterEach
    void close() {
        server.stop(0);
    }

    @Test
    void page_breachOfItsSecurityPolicy_isAnErrorOnTheConsole() {
        open("default-src 'none'; img-src data:", "<script>document.title = 'run'</script>");
        assertThat(browser.takeErrors()).singleElement().asString().contains("Content Security Policy");
        assertThat(browser.string("return document.title")).isEqualTo("x");
    }

    @Test
    void page_pictureFromElsewhere_isNotLoadedAndNoticed() {
        open("img-src * data:", "<img src='http://elsewhere.invalid/x.png'>");
        assertThat(browser.takeErrors()).singleElement().asString().contains("ERR_NAME_NOT_RESOLVED");
        assertThat(browser.takeOutsideRequests()).containsExactly("http://elsewhere.invalid/x.png");
    }

    @Test
    void accessibility_fieldWithoutLabelAndPaleText_areNamed() {
        open(
                "img-src data:; style-src 'unsafe-inline'",
                "<main><h1 style='color: #ccc'>Hello</h1><input id=unlabelled></main>");
        assertThat(Accessibility.problems(browser))
                .anyMatch(problem -> problem.startsWith("label:"))
                .anyMatch(problem -> problem.startsWith("color-contrast:"))
                .anyMatch(problem -> problem.startsWith("html-has-lang:"));
    }
}
