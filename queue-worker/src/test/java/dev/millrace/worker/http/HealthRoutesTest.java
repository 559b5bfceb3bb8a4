package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.FaultProxy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@PostgresTest
@Timeout(60)
class HealthRoutesTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final HttpClient client = HttpClient.newHttpClient();
    private final CountDownLatch began = new CountDownLatch(1);
    private final CountDownLatch mayEnd = new CountDownLatch(1);

    HealthRoutesTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, worker, leader");
    }

    private Worker worker(String url) {
        return Worker.builder(Database.of(url))
                .grace(Duration.ofSeconds(10))
                .handle(JobType.of("slow", Object.class), (job, args) -> {
                    began.countDown();
                    mayEnd.await();
                })
                .build();
    }

    private WebServer serve(Worker worker) throws IOException {
        return WebServer.builder(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .routes(HealthRoutes.of(worker))
                .start();
    }

    private HttpResponse<String> get(WebServer server, String path) {
        try {
            return client.send(
                    HttpRequest.newBuilder(URI.create(
                                    "http://127.0.0.1:" + server.address().getPort() + path))
                            .build(),
                    BodyHandlers.ofString());
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    @Test
    void ready_followsTheLifeOfAWorker() throws Exception {
        database.execute("INSERT INTO job (kind) VALUES ('slow')");
        try (Worker worker = worker(database.url());
                WebServer server = serve(worker)) {
            assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
            assertThat(get(server, "/health/ready").statusCode()).isEqualTo(503);
            assertThat(get(server, "/health/ready").body()).contains("\"ready\":false", "starting");

            worker.start();
            HttpResponse<String> ready = get(server, "/health/ready");
            assertThat(ready.statusCode()).as(ready.body()).isEqualTo(200);
            assertThat(ready.headers().firstValue("Content-Type")).contains("application/json");
            assertThat(ready.body()).contains("\"ready\":true", "\"state\":\"").doesNotContain("reason");

            began.await();
            Thread closing = new Thread(worker::close, "closing");
            closing.start();
            await().atMost(SOON).until(() -> get(server, "/health/ready").body().contains("The worker is closing"));
            assertThat(get(server, "/health/ready").statusCode()).isEqualTo(503);
            assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
            mayEnd.countDown();
            closing.join();
            assertThat(get(server, "/health/ready").body()).contains("The worker is closed");
            assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void ready_databaseAway_is503WithTheReasonWhileLiveStays() throws Exception {
        try (FaultProxy proxy = FaultProxy.to(
                        URI.create(database.url().substring("jdbc:".length())).getPort());
                Worker worker = worker(proxy.url(database.url()));
                WebServer server = serve(worker)) {
            worker.start();
            proxy.refuse();
            proxy.reset();

            await().atMost(SOON).until(() -> get(server, "/health/ready").statusCode() == 503);
            assertThat(get(server, "/health/ready").body()).contains("The database is not usable", "\"epoch\":");
            assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);

            proxy.heal();
            await().atMost(SOON).until(() -> get(server, "/health/ready").statusCode() == 200);
        }
    }
}
