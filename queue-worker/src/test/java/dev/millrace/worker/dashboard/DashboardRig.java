package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.WebServer;
import java.io.IOException;
import java.net.CookieManager;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A worker with a dashboard, and somebody who looks at it, on an emptied database. */
final class DashboardRig implements AutoCloseable {

    static final Duration SOON = Duration.ofSeconds(20);

    /** A page that meets a lock waits until the test lets go of it. */
    private static final Timeouts PATIENT = new Timeouts(
            Duration.ofSeconds(10),
            Duration.ofSeconds(12),
            Duration.ofSeconds(14),
            Duration.ofSeconds(16),
            Duration.ofSeconds(10),
            Duration.ofSeconds(3),
            Duration.ofSeconds(8),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5));

    private static final Pattern TOKEN = Pattern.compile("name=\"_token\" value=\"([^\"]+)\"");

    record Nothing() {}

    private final TestDatabase database;
    private final CountDownLatch held = new CountDownLatch(1);
    private final AuditLog audit = new AuditLog();
    private final Worker worker;
    private final Dashboard dashboard;
    private final WebServer server;
    private final HttpClient client = HttpClient.newBuilder()
            .cookieHandler(new CookieManager())
            .connectTimeout(Duration.ofSeconds(5))
            .build();

    DashboardRig(TestDatabase database, Redaction redaction) throws IOException {
        this.database = database;
        database.execute("TRUNCATE job, queue, worker, leader, unique_key, periodic");
        worker = Worker.builder(Database.of(database.url()).withTimeouts(PATIENT))
                .queue("run", 2)
                .grace(Duration.ofSeconds(2))
                .handle(JobType.of("hold", Nothing.class), (job, nothing) -> held.await())
                .build();
        worker.start();
        dashboard = Dashboard.of(worker, redaction, audit);
        server = WebServer.builder(new InetSocketAddress("127.0.0.1", 0))
                .routes(dashboard.routes())
                .audit(audit)
                .start();
    }

    Worker worker() {
        return worker;
    }

    Dashboard dashboard() {
        return dashboard;
    }

    AuditLog audit() {
        return audit;
    }

    URI address(String path) {
        return URI.create("http://127.0.0.1:" + server.address().getPort() + path);
    }

    HttpClient client() {
        return client;
    }

    /** What a path answers. */
    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(address(path)).timeout(SOON).build(), HttpResponse.BodyHandlers.ofString());
    }

    /** A page that is there. */
    String page(String path) throws IOException, InterruptedException {
        HttpResponse<String> answer = get(path);
        assertThat(answer.statusCode()).as(path + ": " + answer.body()).isEqualTo(200);
        return answer.body();
    }

    /** Sends a form with the token of a page that has one, as a browser does; names and values alternate. */
    HttpResponse<String> post(String formPage, String path, String... fields) throws IOException, InterruptedException {
        Matcher token = TOKEN.matcher(page(formPage));
        assertThat(token.find()).as("a form on " + formPage).isTrue();
        List<String> pairs = new ArrayList<>(List.of("_token=" + token.group(1)));
        for (int i = 0; i < fields.length; i += 2) {
            pairs.add(encoded(fields[i]) + "=" + encoded(fields[i + 1]));
        }
        return client.send(
                HttpRequest.newBuilder(address(path))
                        .timeout(SOON)
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .POST(HttpRequest.BodyPublishers.ofString(String.join("&", pairs)))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    /** As {@link #post}, and the page that it leads to. */
    String posted(String formPage, String path, String... fields) throws IOException, InterruptedException {
        HttpResponse<String> answer = post(formPage, path, fields);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(303);
        return page(answer.headers().firstValue("Location").orElseThrow());
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** A job by SQL; columns and values as in an INSERT. Returns its id. */
    long insert(String columns, Object... values) {
        String places = Arrays.stream(columns.split(", "))
                .map(column -> List.of("args", "metadata", "output", "errors").contains(column) ? "?::jsonb" : "?")
                .collect(Collectors.joining(", "));
        return (long) database.query("INSERT INTO job (" + columns + ") VALUES (" + places + ") RETURNING id", values)
                .get(0)
                .get("id");
    }

    String state(long id) {
        return String.valueOf(database.queryString("SELECT state FROM job WHERE id = ?", id));
    }

    void awaitState(long id, String state) {
        await().atMost(SOON).untilAsserted(() -> assertThat(state(id)).isEqualTo(state));
    }

    /** Lets handlers end that wait. */
    void release() {
        held.countDown();
    }

    @Override
    public void close() {
        release();
        server.close();
        dashboard.close();
        worker.close();
    }
}
