package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Health and metrics of the packaged jar. */
@PostgresTest
@Timeout(120)
class HttpIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern ADDRESS =
            Pattern.compile("Dashboard, health and metrics on (http://127\\.0\\.0\\.1:(\\d+))");

    private final TestDatabase database;
    private final HttpClient client = HttpClient.newHttpClient();

    @TempDir
    Path folder;

    private JavaProcess worker;
    private String address;
    private int port;

    HttpIT(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void start() throws IOException {
        database.execute("TRUNCATE job");
        Path handlers = HandlersFolder.write(folder.resolve("handlers"), StuckHandlers.class);
        worker = JavaProcess.jar(
                        Path.of("target/queue-worker.jar").toAbsolutePath(),
                        "work",
                        "--http",
                        "127.0.0.1:0",
                        "--grace",
                        "10m",
                        "--handlers",
                        handlers.toString())
                .environment("MILLRACE_DATABASE_URL", database.url())
                .start();
        worker.awaitStderr("Dashboard, health and metrics on http://", LIMIT);
        Matcher said = ADDRESS.matcher(worker.stderr());
        assertThat(said.find()).as(worker.stderr()).isTrue();
        address = said.group(1);
        port = Integer.parseInt(said.group(2));
    }

    @AfterEach
    void close() {
        worker.close();
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(URI.create(address + path))
                        .timeout(LIMIT)
                        .build(),
                BodyHandlers.ofString());
    }

    @Test
    void work_http_servesHealthAndMetricsUntilItStops() throws Exception {
        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        assertThat(get("/health/ready").statusCode()).isEqualTo(200);
        HttpResponse<String> metrics = get("/metrics");
        assertThat(metrics.headers().firstValue("Content-Type")).contains("text/plain; version=0.0.4; charset=utf-8");
        // A scrape waits for the queues for no longer than a second; the next one has what was asked then.
        await().atMost(LIMIT).untilAsserted(() -> {
            String scraped = get("/metrics").body();
            assertThat(scraped)
                    .contains(
                            "millrace_worker_ready 1.0",
                            "millrace_queue_jobs{queue=\"default\",state=\"available\"} 0.0",
                            "millrace_connection_outages_total{client=\"worker\"} 0.0",
                            "jvm_memory_used_bytes{");
        });

        worker.terminate();
        assertThat(worker.waitFor(LIMIT)).as(worker.stderr()).isZero();
        assertThat(worker.stderr()).doesNotContain("WARN", "\tat ");
    }

    @Test
    void work_terminated_servesHealthAndBeginsNoMoreActionsDuringTheGrace() throws Exception {
        database.execute("INSERT INTO job (kind) VALUES ('stuck')");
        await().atMost(LIMIT).until(() -> database.queryLong("SELECT count(*) FROM job WHERE state = 'running'") == 1);
        HttpResponse<String> question = get("/jobs/bulk?do=cancel&kind=stuck");
        Matcher token = Pattern.compile("name=\"_token\" value=\"([^\"]+)\"").matcher(question.body());
        assertThat(token.find()).isTrue();
        String cookie =
                question.headers().firstValue("Set-Cookie").orElseThrow().split(";", 2)[0];
        worker.terminate();
        await().atMost(LIMIT)
                .untilAsserted(() -> assertThat(get("/health/ready").body()).contains("takes no new jobs"));

        HttpResponse<String> refused = client.send(
                HttpRequest.newBuilder(URI.create(address + "/jobs/bulk"))
                        .timeout(LIMIT)
                        .header("Cookie", cookie)
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .POST(HttpRequest.BodyPublishers.ofString("do=cancel&kind=stuck&_token=" + token.group(1)))
                        .build(),
                BodyHandlers.ofString());

        assertThat(refused.statusCode()).as(refused.body()).isEqualTo(503);
        assertThat(refused.body()).contains("This worker is closing");
        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        worker.terminate();
        assertThat(worker.waitFor(LIMIT)).as(worker.stderr()).isZero();
    }

    @Test
    void work_clientsThatNeverEndTheirRequest_keepNobodyOut() throws Exception {
        List<Socket> stalled = new ArrayList<>();
        try {
            for (int i = 0; i < 60; i++) {
                Socket socket = new Socket();
                stalled.add(socket);
                socket.connect(new InetSocketAddress("127.0.0.1", port));
                socket.getOutputStream().write("GET /metr".getBytes(StandardCharsets.US_ASCII));
            }
            assertThat(get("/health/live").statusCode()).isEqualTo(200);
        } finally {
            for (Socket socket : stalled) {
                socket.close();
            }
        }
    }
}
