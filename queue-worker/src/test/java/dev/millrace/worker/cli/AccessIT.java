package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who may do what at the dashboard of the packaged jar. */
@PostgresTest
@Timeout(120)
class AccessIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern PORT = Pattern.compile("ealth and metrics on http://\\S+:(\\d+)");
    private static final Pattern TOKEN = Pattern.compile("name=\"_token\" value=\"([^\"]+)\"");
    private static final String PASSWORD = "hush-hush-hush";

    private final TestDatabase database;
    private final HttpClient client = HttpClient.newHttpClient();

    @TempDir
    Path folder;

    private JavaProcess worker;
    private int port;

    AccessIT(TestDatabase database) {
        this.database = database;
    }

    private void work(String password, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "work",
                "--http",
                "0.0.0.0:0",
                "--handlers",
                HandlersFolder.write(folder.resolve("handlers"), EchoHandlers.class)
                        .toString()));
        command.addAll(List.of(options));
        worker = JavaProcess.jar(Path.of("target/queue-worker.jar").toAbsolutePath(), command.toArray(String[]::new))
                .environment("MILLRACE_DATABASE_URL", database.url())
                .environment("MILLRACE_HTTP_PASSWORD", password)
                .start();
        worker.awaitStderr("ealth and metrics on http://", LIMIT);
        Matcher said = PORT.matcher(worker.stderr());
        assertThat(said.find()).as(worker.stderr()).isTrue();
        port = Integer.parseInt(said.group(1));
    }

    @BeforeEach
    void resume() {
        database.execute("TRUNCATE queue");
    }

    @AfterEach
    void close() {
        worker.close();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(LIMIT);
    }

    private HttpRequest.Builder asAnn(HttpRequest.Builder request) {
        String login = "ann:" + PASSWORD;
        return request.header(
                "Authorization", "Basic " + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8)));
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> pause() throws IOException, InterruptedException {
        HttpResponse<String> page = send(asAnn(request("/queues")));
        assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
        Matcher token = TOKEN.matcher(page.body());
        String given = token.find() ? token.group(1) : "none";
        return send(asAnn(request("/queues/pause"))
                .header(
                        "Cookie",
                        page.headers().firstValue("Set-Cookie").orElseThrow().split(";", 2)[0])
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString("queue=default&_token=" + given)));
    }

    private boolean isPaused() {
        return database.queryLong("SELECT count(*) FROM queue WHERE paused_at IS NOT NULL") > 0;
    }

    @Test
    void work_httpUser_letsInWhoHasThePassword_andAudits() throws Exception {
        work(PASSWORD, "--http-user", "ann");

        assertThat(send(request("/")).statusCode()).isEqualTo(401);
        assertThat(send(request("/health/ready")).statusCode()).isEqualTo(200);
        assertThat(pause().statusCode()).isEqualTo(303);
        assertThat(isPaused()).isTrue();
        worker.awaitStderr("audit - who=\"ann\" remote=\"127.0.0.1\" action=\"pause queue\"", LIMIT);

        worker.terminate();
        assertThat(worker.waitFor(LIMIT)).as(worker.stderr()).isZero();
        assertThat(worker.stderr()).doesNotContain(PASSWORD, "WARN");
    }

    @Test
    void work_httpReadOnly_showsAndRefuses() throws Exception {
        work(PASSWORD, "--http-user", "ann", "--http-read-only");

        assertThat(pause().statusCode()).isEqualTo(403);
        assertThat(isPaused()).isFalse();
        worker.awaitStderr("result=\"refused: This server is read-only\"", LIMIT);
    }

    @Test
    void work_withoutUserOnAllAddresses_doesNotServeTheDashboard() throws Exception {
        work("");

        assertThat(worker.stderr()).contains("the dashboard is not served there without --http-user");
        assertThat(send(request("/")).statusCode()).isEqualTo(403);
        assertThat(send(request("/metrics")).statusCode()).isEqualTo(200);
    }
}
