package dev.millrace.worker.browser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Every action of the dashboard as a user takes it: what is clicked, what the page then says, what the database has. */
@PostgresTest
@Timeout(300)
class ActionsInBrowserTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    @RegisterExtension
    static final Browser browser = new Browser();

    private final TestDatabase database;
    private Shop shop;
    private Served served;

    ActionsInBrowserTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() throws IOException {
        shop = new Shop(database);
        served = Served.by(shop.worker());
        browser.server(served.address());
    }

    @AfterEach
    void close() {
        served.close();
        shop.close();
    }

    private long one(String condition) {
        return database.queryLong("SELECT id FROM job WHERE " + condition + " ORDER BY id LIMIT 1");
    }

    private String state(long id) {
        return database.queryString("SELECT state FROM job WHERE id = ?", id);
    }

    private long count(String condition) {
        return database.queryLong("SELECT count(*) FROM job WHERE " + condition);
    }

    @Test
    void overview_newJobs_showWithoutReload() {
        browser.open("/");
        browser.script("window.notReloaded = true");
        browser.awaitText("#tables", "archive");
        shop.millrace().queues().pause("mail");
        String waiting = "a[href='/jobs?queue=mail&state=available']";
        for (int i = 0; i < 7; i++) {
            shop.millrace().enqueue(Shop.SEND_EMAIL, new Shop.Email("a@example.com", "hello", i));
        }
        browser.awaitText("#tables td " + waiting, text -> text.strip().equals("7"));
        assertThat(browser.count("#charts canvas")).isEqualTo(3);
        assertThat(browser.script("return window.notReloaded === true").asBoolean())
                .isTrue();
    }

    @Test
    void overview_streamThatIsRefused_isAskedForAgain() throws Exception {
        HttpRequest live = HttpRequest.newBuilder(served.address().resolve("/live"))
                .timeout(SOON)
                .build();
        HttpClient client = HttpClient.newHttpClient();
        List<InputStream> viewers = new ArrayList<>();
        try {
            HttpResponse<InputStream> answer = client.send(live, HttpResponse.BodyHandlers.ofInputStream());
            for (; answer.statusCode() == 200; answer = client.send(live, HttpResponse.BodyHandlers.ofInputStream())) {
                viewers.add(answer.body());
            }
            assertThat(viewers).hasSize(32);
            browser.open("/");
            browser.awaitText("#stream-status", "trying again");
            assertThat(browser.takeErrors())
                    .isNotEmpty()
                    .allSatisfy(error -> assertThat(error).contains("/live", "503"));
        } finally {
            for (InputStream viewer : viewers) {
                viewer.close();
            }
        }
        browser.awaitText("#stream-status", String::isEmpty);
        // It may have been asked for once more before the server knew that the others had gone.
        assertThat(browser.takeErrors()).allSatisfy(error -> assertThat(error).contains("/live", "503"));

        // As where somebody goes on to another page and back.
        browser.script("document.getElementById('stream-status').textContent = 'away';"
                + "dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}));"
                + "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}));");
        browser.awaitText("#stream-status", String::isEmpty);
    }

    @Test
    void queues_pauseResumeSlots_areDone() {
        browser.open("/queues");
        browser.click("button", "Pause queue mail");
        browser.awaitText("[role=status]", "paused");
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE name = 'mail' AND paused_at IS NOT NULL"))
                .isOne();
        browser.click("button", "Resume queue mail");
        browser.awaitText("[role=status]", "resumed");
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE name = 'mail' AND paused_at IS NOT NULL"))
                .isZero();

        browser.fill("section[aria-label='Queue mail'] input[name=slots]", "33");
        browser.click("button", "Set slots of queue mail");
        browser.awaitText("section[aria-label='Queue mail']", "33 on each worker");
        assertThat(database.queryLong("SELECT slots FROM queue WHERE name = 'mail'"))
                .isEqualTo(33);
    }

    @Test
    void jobs_filterAndPages_showWhatWasAskedFor() {
        browser.open("/jobs");
        browser.click("input[name=state][value=scheduled]");
        browser.fill("input[name=kind]", "send_email");
        browser.click("button.main");
        browser.awaitText("tbody", "scheduled");
        assertThat(browser.texts("tbody .state")).hasSize(40).containsOnly("scheduled");

        browser.open("/jobs?state=completed");
        assertThat(browser.texts("tbody .state")).hasSize(50).containsOnly("completed");
        String first = browser.text("tbody tr th");
        browser.click("a[rel=next]");
        browser.awaitText("tbody tr th", text -> !text.equals(first));
        assertThat(browser.texts("tbody .state")).hasSize(50).containsOnly("completed");
        assertThat(browser.script("return document.querySelector('[value=completed]').checked")
                        .asBoolean())
                .isTrue();

        browser.open("/jobs");
        browser.click("summary");
        browser.fill("input[name=args]", "{\"order\": 12001}");
        browser.click("button.main");
        browser.awaitText("tbody", "12001");
        assertThat(browser.count("tbody tr")).isOne();
    }

    @Test
    void job_retryCancelDelete_areDone() {
        long discarded = one("state = 'discarded'");
        shop.millrace().queues().pause("billing");
        browser.open("/jobs/" + discarded);
        assertThat(browser.text("main")).contains("PaymentDeclinedException", "PaymentGateway.java:84", "Attempt 5");
        browser.click("button", "Retry now");
        browser.awaitText("[role=status]", "available");
        assertThat(state(discarded)).isEqualTo("available");
        browser.click("button", "Cancel");
        browser.awaitText("[role=status]", "cancelled");
        assertThat(state(discarded)).isEqualTo("cancelled");
        browser.click("a.button", "Delete…");
        browser.click("button", "Delete job " + discarded);
        browser.awaitText("[role=status]", "deleted");
        assertThat(count("id = " + discarded)).isZero();
    }

    @Test
    void job_edit_changesPriority() {
        long scheduled = one("state = 'scheduled'");
        browser.open("/jobs/" + scheduled);
        browser.choose("select[name=priority]", "4");
        browser.click("button", "Change");
        browser.awaitText("[role=status]", "changed");
        assertThat(database.queryLong("SELECT priority FROM job WHERE id = ?", scheduled))
                .isEqualTo(4);
    }

    @Test
    void job_running_showsWhereItsHandlerIs() {
        await().atMost(SOON).until(() -> state(shop.runningJob()).equals("running"));
        browser.open("/jobs/" + shop.runningJob());
        browser.awaitText("main", "importProducts");
        browser.click("button", "Cancel");
        await().atMost(SOON).until(() -> !state(shop.runningJob()).equals("running"));
    }

    @Test
    void jobs_bulk_countsFirstAndActsOnConfirmation() {
        browser.open("/jobs?state=retryable&kind=charge_card");
        browser.click("nav a", "Cancel…");
        browser.awaitText(".count", "4");
        assertThat(count("state = 'retryable'")).isEqualTo(4);
        browser.click("button.danger");
        browser.awaitText(".stage", "done");
        assertThat(count("state = 'retryable'")).isZero();

        browser.open("/jobs?state=cancelled&kind=charge_card");
        browser.click("nav a", "Retry…");
        browser.awaitText(".count", "4");
        browser.click("button.danger");
        browser.awaitText(".stage", "done");
        assertThat(count("state = 'cancelled' AND kind = 'charge_card'")).isZero();

        browser.open("/jobs?state=completed&queue=media");
        browser.click("nav a", "Delete…");
        browser.awaitText(".count", "200");
        browser.click("button.danger");
        browser.awaitText(".stage", "done");
        assertThat(count("state = 'completed' AND queue = 'media'")).isZero();

        browser.open("/actions");
        assertThat(browser.text("main")).contains("delete", "200", "local");
    }

    @Test
    void periodic_runDisableEnable_areDone() {
        browser.open("/periodic");
        browser.click("button", "Enable import");
        browser.awaitText("[role=status]", "enabled");
        browser.click("button", "Disable import");
        browser.awaitText("[role=status]", "disabled");
        assertThat(database.queryLong("SELECT count(*) FROM periodic WHERE name = 'import' AND paused_at IS NOT NULL"))
                .isOne();
        browser.click("button", "Run now cleanup");
        browser.awaitText("h1", "Job ");
        long id = Long.parseLong(browser.text("h1").replaceAll("\\D", ""));
        assertThat(database.queryString("SELECT kind FROM job WHERE id = ?", id))
                .isEqualTo("daily_report");
    }

    @Test
    void workersAndDatabase_showWhatTheyAre() {
        // The page shows what is when it is opened.
        await().atMost(SOON).until(() -> database.queryLong("SELECT count(*) FROM leader") == 1);
        browser.open("/workers");
        browser.awaitText("tbody", "leader");
        assertThat(browser.count("tbody tr")).isEqualTo(2);
        assertThat(browser.text("tbody")).contains(shop.worker().id(), "this process");
        browser.open("/database");
        browser.awaitText("main", "job_available");
        assertThat(browser.text("main")).contains("Outages", "Listener");
    }

    @Test
    void search_slash_leadsToTheJob() {
        browser.open("/workers");
        browser.press(Key.SLASH);
        assertThat(browser.focused()).isEqualTo("Id or kind of a job");
        browser.fill("#find", String.valueOf(shop.runningJob()));
        browser.press(Key.ENTER);
        browser.awaitText("h1", "Job " + shop.runningJob());
    }

    @Test
    void pages_withoutScripts_readAndAct() {
        browser.scripts(false);
        browser.open("/");
        assertThat(browser.text("#tables")).contains("archive", "paused");
        browser.click("header a", "Queues");
        browser.click("button", "Resume queue archive");
        browser.awaitText("[role=status]", "resumed");
        browser.open("/jobs?state=retryable");
        browser.click("nav a", "Cancel…");
        browser.click("button.danger");
        browser.awaitText("h1", "Action");
        await().atMost(SOON).until(() -> count("state = 'retryable'") == 0);
    }
}
