package dev.millrace.worker.browser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Takes the pictures of the documents anew: {@code -Dpictures=../docs/images}. They show a shop that has been open for five minutes,
 * which is how long this takes.
 */
@PostgresTest
@EnabledIfSystemProperty(named = "pictures", matches = ".+")
@Timeout(600)
class PicturesTest {

    private static final Duration OPEN = Duration.ofMinutes(5);
    private static final int LARGEST = 150_000;

    @RegisterExtension
    static final Browser browser = new Browser();

    private final TestDatabase database;

    PicturesTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void pictures_ofTheDocuments_areTaken() throws IOException {
        try (Shop shop = new Shop(database);
                Served served = Served.by(shop.worker())) {
            browser.server(served.address());
            browser.open("/");
            shop.openDoors();
            long opened = System.nanoTime();
            await().pollInterval(Duration.ofSeconds(1))
                    .atMost(OPEN.plusMinutes(1))
                    .until(() -> System.nanoTime() - opened > OPEN.toNanos());
            take("overview");

            browser.window(1280, 760);
            browser.open("/jobs?state=retryable&state=discarded");
            take("jobs");

            browser.dark(true);
            browser.open("/jobs/" + database.queryLong("SELECT min(id) FROM job WHERE state = 'discarded'"));
            take("job-dark");
            browser.open("/queues");
            take("queues-dark");
            browser.leave();
        }
    }

    private static void take(String name) throws IOException {
        Path folder = Files.createDirectories(Path.of(System.getProperty("pictures")));
        Path picture = folder.resolve("dashboard-" + name + ".png");
        Files.copy(browser.screenshotOfWindow(name), picture, StandardCopyOption.REPLACE_EXISTING);
        assertThat(Files.size(picture)).as(name).isLessThan(LARGEST);
    }
}
