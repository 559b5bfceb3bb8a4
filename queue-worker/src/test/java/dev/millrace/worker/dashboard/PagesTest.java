package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.WebServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.Statement;
import java.time.OffsetDateTime;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@PostgresTest
@Timeout(60)
class PagesTest {

    /** Breaks out of text, of attributes in either quotes, and of scripts. */
    private static final String HOSTILE =
            "</script><script>alert(1)</script>\"' onx='<img src=x onerror=alert(2)>{{token}}&amp;";

    private final TestDatabase database;
    private DashboardRig rig;

    PagesTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() throws Exception {
        rig = new DashboardRig(database, Redaction.none());
    }

    @AfterEach
    void close() {
        rig.close();
    }

    @Test
    void emptyDatabase_eachPageSaysWhatToDo() throws Exception {
        for (String path : List.of("/", "/queues", "/jobs", "/periodic", "/workers", "/database", "/actions")) {
            assertThat(rig.page(path)).as(path).contains("<h1>").doesNotContain("{{");
        }
        assertThat(rig.page("/jobs")).contains("millrace enqueue");
        assertThat(rig.page("/periodic")).contains("millrace periodic add");
        assertThat(rig.page("/workers")).contains("this process", rig.worker().id());
        assertThat(rig.page("/database")).contains("oldest snapshot", "job_available", "Pool");
    }

    @Test
    void pages_moreThanMayWait_areRefusedAtOnce() throws Exception {
        long id = rig.insert("kind, queue", "k", "away");
        try (Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("LOCK TABLE millrace.job");
            // Two are made, eight wait.
            List<CompletableFuture<HttpResponse<String>>> asked = Stream.generate(() -> rig.client()
                            .sendAsync(
                                    HttpRequest.newBuilder(rig.address("/jobs/" + id))
                                            .timeout(DashboardRig.SOON)
                                            .build(),
                                    HttpResponse.BodyHandlers.ofString()))
                    .limit(11)
                    .toList();
            await().atMost(DashboardRig.SOON).until(() -> asked.stream().anyMatch(CompletableFuture::isDone));
            List<HttpResponse<String>> refused = asked.stream()
                    .filter(CompletableFuture::isDone)
                    .map(CompletableFuture::join)
                    .toList();
            other.rollback();

            assertThat(refused).singleElement().satisfies(answer -> {
                assertThat(answer.statusCode()).isEqualTo(503);
                assertThat(answer.body()).contains("Not now", "Too many pages are asked for at once");
            });
        }
    }

    private long hostileJob() {
        String json = "{\"x\": \"" + HOSTILE.replace("\"", "\\\"") + "\"}";
        return rig.insert(
                "state, kind, queue, tags, args, metadata, output, finalized_at, attempt, attempted_at, attempted_by, errors, retry_policy",
                "discarded",
                HOSTILE,
                HOSTILE,
                new String[] {HOSTILE},
                json,
                json,
                json,
                OffsetDateTime.now(),
                1,
                OffsetDateTime.now(),
                HOSTILE,
                "[{\"attempt\": 1, \"at\": \"2026-01-01T00:00:00Z\", \"worker\": %1$s, \"type\": %1$s, \"message\": %1$s, \"trace\": %1$s}]"
                        .formatted('"' + HOSTILE.replace("\"", "\\\"") + '"'),
                HOSTILE);
    }

    @Test
    void hostileContent_isText() throws Exception {
        long id = hostileJob();
        database.execute(
                "INSERT INTO worker (id, lease_expires_at, queues) VALUES (?, now() + interval '1 h', ?::jsonb)",
                HOSTILE,
                "{\"" + HOSTILE.replace("\"", "\\\"") + "\": 3}");
        database.execute(
                "INSERT INTO periodic (name, schedule, kind, queue, args, error) VALUES (?, 'every PT1H', ?, ?, ?::jsonb, ?)",
                HOSTILE,
                HOSTILE,
                HOSTILE,
                "{\"x\": \"<script>\"}",
                HOSTILE);
        String search = "kind=" + DashboardRig.encoded(HOSTILE) + "&queue=" + DashboardRig.encoded(HOSTILE) + "&error="
                + DashboardRig.encoded("<script>") + "&worker=" + DashboardRig.encoded(HOSTILE);
        for (String path : List.of(
                "/",
                "/queues",
                "/jobs",
                "/jobs?" + search,
                "/jobs/" + id,
                "/jobs/" + id + "/delete",
                "/jobs/bulk?do=retry&" + search,
                "/periodic",
                "/workers",
                "/database",
                "/actions")) {
            String page = rig.page(path);
            assertThat(page).as(path).doesNotContain("<script>alert", "<img src=x", "' onx=", "<script>\"");
            if (!path.equals("/database") && !path.equals("/actions")) {
                assertThat(page).as(path).contains("&lt;script&gt;");
            }
        }
        String job = rig.page("/jobs/" + id);
        assertThat(job.split("alert\\(1\\)", -1).length)
                .as("kind, queue, tags, data and errors")
                .isGreaterThan(10);
    }

    @Test
    void problem_namesWhatWasWrongAsText() throws Exception {
        for (String path : List.of(
                "/jobs?state=" + DashboardRig.encoded("<script>"),
                "/jobs?args=" + DashboardRig.encoded("{<script>"),
                "/jobs?from=yesterday",
                "/jobs?time=never&from=2026-01-01T00:00",
                "/jobs?order=sideways",
                "/jobs?after=x",
                "/jobs?after=d12",
                "/jobs?after=d12.3",
                "/jobs?order=due",
                "/jobs?kind=" + "k".repeat(129),
                "/jobs?args=1&args=2",
                "/jobs?id_to=x",
                "/jobs/notanumber",
                "/jobs/99999999999999999999",
                "/jobs/bulk?do=explode&state=available",
                "/jobs/bulk?do=delete",
                "/jobs/bulk?do=delete&order=oldest",
                "/actions/17",
                "/actions/x")) {
            var answer = rig.get(path);
            assertThat(answer.statusCode()).as(path).isEqualTo(400);
            assertThat(answer.body())
                    .as(path)
                    .contains("That can&#39;t be shown", "<nav")
                    .doesNotContain("Exception", "\tat ", "<script>\"", "'<script>");
        }
        assertThat(rig.get("/jobs/424242").statusCode()).isEqualTo(404);
    }

    @Test
    void jobs_filterOfTheAddress_showsThoseAndFillsTheForm() throws Exception {
        long mail = rig.insert(
                "kind, queue, args, tags, state, scheduled_at",
                "mail",
                "post & co",
                "{\"to\": \"a\"}",
                new String[] {"vip"},
                "scheduled",
                OffsetDateTime.now().plusHours(1));
        long other = rig.insert("kind, queue, args", "other", "away", "{}");
        String page =
                rig.page("/jobs?state=scheduled&kind=mail&queue=post+%26+co&tag=vip&args=%7B%22to%22%3A+%22a%22%7D"
                        + "&time=due&from=2020-01-01T00%3A00");
        assertThat(page)
                .contains("href=\"/jobs/" + mail + "\"")
                .doesNotContain("href=\"/jobs/" + other + "\"")
                .contains("value=\"scheduled\" checked", "value=\"mail\"", "value=\"post &amp; co\"", "value=\"vip\"")
                .contains("<option value=\"due\" selected", "value=\"2020-01-01T00:00\"")
                .contains("queue&#x3D;post+%26+co&amp;tag&#x3D;vip");
    }

    @Test
    void jobs_manyPages_leadToAllOfThem() throws Exception {
        database.execute("INSERT INTO job (kind, queue) SELECT 'many', 'away' FROM generate_series(1, 120)");
        Set<String> seen = new HashSet<>();
        String path = "/jobs?kind=many";
        int pages = 0;
        while (path != null) {
            String page = rig.page(path);
            pages++;
            var ids = Pattern.compile("href=\"/jobs/(\\d+)\"").matcher(page);
            while (ids.find()) {
                assertThat(seen.add(ids.group(1))).isTrue();
            }
            var next = Pattern.compile("rel=\"next\" href=\"([^\"]+)\"").matcher(page);
            path = next.find() ? next.group(1).replace("&#x3D;", "=").replace("&amp;", "&") : null;
        }
        assertThat(seen).hasSize(120);
        assertThat(pages).isEqualTo(3);
    }

    @Test
    void find_numberIsAnId_restIsAKind() throws Exception {
        assertThat(rig.get("/jobs/find?q=12").headers().firstValue("Location")).contains("/jobs/12");
        assertThat(rig.get("/jobs/find?q=send+mail%26x").headers().firstValue("Location"))
                .contains("/jobs?kind=send+mail%26x");
        assertThat(rig.get("/jobs/find").headers().firstValue("Location")).contains("/jobs");
    }

    @Test
    void runningJob_showsWhereItIs() throws Exception {
        long id = rig.insert("kind, queue", "hold", "run");
        rig.awaitState(id, "running");
        await().atMost(DashboardRig.SOON)
                .untilAsserted(() -> assertThat(rig.page("/jobs/" + id))
                        .contains("at java.util.concurrent.CountDownLatch.await(CountDownLatch.java:")
                        .contains("at dev.millrace.worker.dashboard.DashboardRig.")
                        .doesNotContain("java.base", "app/", "app&#x2F;", "millrace.worker.engine"));
        database.execute("UPDATE job SET attempted_by = 'elsewhere' WHERE id = ?", id);
        assertThat(rig.page("/jobs/" + id)).contains("It runs on elsewhere: the dashboard of that process");
    }

    @Test
    void redaction_hidesInListAndJobAndPeriodic() throws Exception {
        rig.close();
        rig = new DashboardRig(database, Redaction.ofFields(List.of("password")));
        long id = rig.insert(
                "kind, queue, args, metadata",
                "login",
                "away",
                "{\"password\": \"s3cret\", \"user\": \"u1\"}",
                "{\"password\": \"s3cret\"}");
        database.execute(
                "INSERT INTO periodic (name, schedule, kind, args) VALUES ('p', 'every PT1H', 'k', '{\"password\": \"s3cret\"}')");
        for (String path : List.of("/jobs", "/jobs/" + id, "/periodic")) {
            assertThat(rig.page(path)).as(path).contains("***").doesNotContain("s3cret");
        }
        assertThat(rig.page("/jobs/" + id)).contains("u1");
    }

    @Test
    void redaction_thatFails_hidesAll() throws Exception {
        rig.close();
        rig = new DashboardRig(database, (kind, part, json) -> {
            throw new IllegalStateException("no");
        });
        long id = rig.insert("kind, queue, args", "login", "away", "{\"password\": \"s3cret\"}");
        assertThat(rig.page("/jobs/" + id)).contains("hidden").doesNotContain("s3cret");
        assertThat(rig.page("/jobs")).contains("hidden").doesNotContain("s3cret");
    }

    @Test
    void jobThatIsNeverDue_isShownAsThat() throws Exception {
        long forever = rig.insert("kind, queue, state, scheduled_at", "odd", "away", "pending", OffsetDateTime.MAX);
        assertThat(rig.page("/jobs/" + forever)).contains("never");
        assertThat(rig.page("/jobs")).contains("never");
    }

    @Test
    void eachPage_hasNothingInline() throws Exception {
        long id = hostileJob();
        for (String path :
                List.of("/", "/queues", "/jobs", "/jobs/" + id, "/periodic", "/workers", "/database", "/actions")) {
            assertThat(rig.page(path))
                    .as(path)
                    .doesNotContainPattern("<[^>]+ style=")
                    .doesNotContainPattern("<[^>]+ on[a-z]+=")
                    .doesNotContainPattern("<script(?! src=\"/assets/)")
                    .doesNotContain("<style", "javascript:", "http://", "https://");
        }
    }

    @Test
    void workerThatHasNotStarted_eachPageSaysSo() throws Exception {
        try (Worker starting = Worker.builder(Database.of(database.url()))
                        .handle(JobType.of("k", DashboardRig.Nothing.class), (job, nothing) -> {})
                        .build();
                Dashboard dashboard = Dashboard.of(starting, Redaction.none(), new AuditLog());
                WebServer server = WebServer.builder(new InetSocketAddress("127.0.0.1", 0))
                        .routes(dashboard.routes())
                        .start()) {
            for (String path : List.of("/", "/queues", "/jobs", "/jobs/1", "/periodic", "/workers", "/database")) {
                HttpResponse<String> answer = rig.client()
                        .send(
                                HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                                + server.address().getPort() + path))
                                        .timeout(DashboardRig.SOON)
                                        .build(),
                                HttpResponse.BodyHandlers.ofString());
                assertThat(answer.statusCode()).as(path).isEqualTo(503);
                assertThat(answer.body()).as(path).contains("The worker is starting", "<nav");
            }
        }
    }
}
