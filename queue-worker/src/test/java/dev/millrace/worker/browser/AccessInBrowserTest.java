package dev.millrace.worker.browser;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.http.Authentication;
import dev.millrace.worker.http.Role;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What somebody sees and can do in a browser who may look only, or has to say who he is. */
@PostgresTest
@Timeout(300)
class AccessInBrowserTest {

    /** Posts a form of the page's own, as somebody could who has the developer tools. */
    private static final String POST = """
            const [path, fields] = arguments;
            return fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: fields })
                .then(answer => answer.status);
            """;

    @RegisterExtension
    static final Browser browser = new Browser();

    private final TestDatabase database;
    private Shop shop;

    AccessInBrowserTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() {
        shop = new Shop(database);
    }

    @AfterEach
    void close() {
        shop.close();
    }

    private long paused() {
        return database.queryLong("SELECT count(*) FROM queue WHERE name = 'mail' AND paused_at IS NOT NULL");
    }

    @Test
    void readOnly_everyPage_hasNoButtonAndNoPostIsDone() throws IOException {
        try (Served served = Served.by(shop.worker(), options -> options.readOnly(true))) {
            browser.server(served.address());
            new Crawl(browser)
                    .from(
                            List.of("/"),
                            address -> assertThat(browser.count("form[method=post]"))
                                    .as(address)
                                    .isZero());
            assertThat(browser.script(POST, "/queues/pause", "queue=mail").asInt())
                    .isEqualTo(403);
            assertThat(browser.takeErrors()).singleElement().asString().contains("403");
            assertThat(paused()).isZero();
        }
    }

    @Test
    void operator_postWithoutToken_isRefused() throws IOException {
        try (Served served = Served.by(shop.worker())) {
            browser.server(served.address());
            browser.open("/queues");
            assertThat(browser.script(POST, "/queues/pause", "queue=mail").asInt())
                    .isEqualTo(403);
            assertThat(browser.takeErrors()).singleElement().asString().contains("403");
            assertThat(paused()).isZero();
        }
    }

    @Test
    void basic_withPassword_seesPagesAndActs() throws IOException {
        try (Served served = Served.by(
                shop.worker(),
                options -> options.authentication(Authentication.basic("ops", "correct horse", Role.OPERATE)))) {
            browser.server(served.address());
            browser.open("/queues");
            assertThat(browser.text("body")).doesNotContain("mail");
            assertThat(browser.takeErrors()).singleElement().asString().contains("401");

            browser.open("/queues", "ops", "correct%20horse");
            browser.takeOutsideRequests();
            browser.open("/queues");
            browser.awaitText("header", "ops");
            browser.click("button", "Pause queue mail");
            browser.awaitText("[role=status]", "paused");
            assertThat(paused()).isOne();

            // The stream is asked for with the password as well.
            browser.open("/");
            browser.awaitText("#tables", "archive");
            assertThat(browser.count("#charts canvas")).isEqualTo(3);
            browser.leave();
        }
    }
}
