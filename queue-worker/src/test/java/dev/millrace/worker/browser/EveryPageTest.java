package dev.millrace.worker.browser;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What holds for all pages of the dashboard, whichever there are. */
@PostgresTest
@Timeout(300)
class EveryPageTest {

    /** Code that would show if it ran or became an element, in each way that a value may be put into a page. */
    private static final String HOSTILE =
            "</script></title><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'><hr class=hacked>{{7*7}}&lt;";

    @RegisterExtension
    static final Browser browser = new Browser();

    private final TestDatabase database;
    private Shop shop;
    private Served served;

    EveryPageTest(TestDatabase database) {
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

    /** Pages of which there are several sorts behind one path, besides the first. */
    private List<String> starts() {
        long discarded = database.queryLong("SELECT min(id) FROM job WHERE state = 'discarded'");
        return List.of(
                "/",
                "/jobs/" + shop.runningJob(),
                "/jobs/" + discarded,
                "/jobs?kind=charge_card&state=discarded&state=retryable&order=newest",
                "/jobs/bulk?do=retry&state=discarded");
    }

    private static String name(String address) {
        String name = address.replaceAll("/\\d+", "-one")
                .replaceAll("[^a-zA-Z]+", "-")
                .replaceAll("^-|-$", "");
        return name.isEmpty() ? "overview" : name;
    }

    @Test
    void page_everyOne_isForEverybody() {
        List<String> problems = new ArrayList<>();
        List<String> pages = new Crawl(browser).from(starts(), address -> look("light", address, problems));
        assertThat(pages).hasSizeGreaterThan(7);

        browser.dark(true);
        for (String page : pages) {
            browser.open(page);
            look("dark", page, problems);
        }
        browser.dark(false);

        browser.phone();
        for (String page : pages) {
            browser.open(page);
            look("phone", page, problems);
            int width = browser.script("return document.documentElement.scrollWidth")
                    .asInt();
            if (width > 390) {
                problems.add("phone " + page + ": " + width + " pixels wide");
            }
        }
        assertThat(problems).isEmpty();
    }

    private static void look(String how, String address, List<String> problems) {
        browser.screenshot(how + "-" + name(address));
        for (String problem : Accessibility.problems(browser)) {
            problems.add(how + " " + address + ": " + problem);
        }
    }

    @Test
    void page_keyboardAlone_reachesEverythingVisibly() {
        new Crawl(browser).from(starts(), address -> {
            browser.press(Key.TAB);
            assertThat(browser.focused()).as(address).isEqualTo("Skip to the content");
            // The body has the focus once the last element has been left.
            for (int i = 0; i < 25 && !browser.isFocusOnBody(); i++) {
                assertThat(browser.isFocusVisible())
                        .as("focus on %s of %s", browser.focused(), address)
                        .isTrue();
                browser.press(Key.TAB);
            }
        });
    }

    @Test
    void page_hostileValues_areText() {
        database.execute("""
                INSERT INTO job (state, kind, queue, args, metadata, tags, errors, attempt, finalized_at, attempted_at, attempted_by, output)
                SELECT state, ?, ?, jsonb_build_object(v, v), jsonb_build_object(v, v), ARRAY[v],
                       jsonb_build_array(jsonb_build_object('attempt', 1, 'at', now(), 'worker', v, 'type', v, 'message', v, 'trace', v)),
                       1, CASE WHEN state IN ('discarded', 'completed') THEN now() END, now(), v, jsonb_build_object(v, v)
                FROM unnest(ARRAY['available', 'discarded', 'completed', 'retryable']) AS state, (SELECT ?::text) AS hostile (v)
                """, HOSTILE, HOSTILE, HOSTILE);
        database.execute(
                "SELECT add_periodic(?, 'every 15m', ?, jsonb_build_object('v', ?::text))", HOSTILE, HOSTILE, HOSTILE);
        shop.millrace().queues().pause(HOSTILE);
        List<Long> ids = database.query("SELECT id FROM job WHERE kind LIKE '%hacked%' ORDER BY id").stream()
                .map(row -> (Long) row.get("id"))
                .toList();
        for (long id : ids) {
            browser.open("/jobs/" + id);
            assertThat(browser.text("body")).as("job " + id).contains(HOSTILE);
            assertHarmless("/jobs/" + id);
        }
        new Crawl(browser).from(List.of("/"), EveryPageTest::assertHarmless);
        assertHarmless(browser.address());
    }

    private static void assertHarmless(String address) {
        assertThat(browser.script("return window.hacked ?? null").isNull())
                .as(address)
                .isTrue();
        assertThat(browser.count(".hacked, img[onerror], script:not([src])"))
                .as(address)
                .isZero();
    }
}
