package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@PostgresTest
@Timeout(60)
class LiveTest {

    private final TestDatabase database;
    private DashboardRig rig;

    LiveTest(TestDatabase database) {
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

    /** The data of the next event of that name; the test's time limit bounds the wait. */
    private static String next(BufferedReader stream, String name) throws Exception {
        List<String> data = new ArrayList<>();
        String event = "";
        for (String line = stream.readLine(); line != null; line = stream.readLine()) {
            if (line.startsWith("event: ")) {
                event = line.substring(7);
                data.clear();
            } else if (line.startsWith("data: ")) {
                data.add(line.substring(6));
            } else if (line.isEmpty() && event.equals(name)) {
                return String.join("\n", data);
            }
        }
        throw new AssertionError("The stream has ended");
    }

    private BufferedReader stream() throws Exception {
        HttpResponse<InputStream> answer = rig.client()
                .send(HttpRequest.newBuilder(rig.address("/live")).build(), HttpResponse.BodyHandlers.ofInputStream());
        assertThat(answer.statusCode()).isEqualTo(200);
        return new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8));
    }

    private static JsonNode points(BufferedReader stream) throws Exception {
        return JsonMapper.shared().readTree(next(stream, "points"));
    }

    @Test
    void stream_tellsTablesAndPoints_asTheyChange() throws Exception {
        rig.insert("kind, queue", "k", "<b>away");
        try (BufferedReader stream = stream()) {
            String tables = next(stream, "tables");
            assertThat(tables).contains("&lt;b&gt;away", "Jobs by state").doesNotContain("<b>", "_token");
            assertThat(points(stream)).hasSize(1);
            rig.insert("kind, queue", "k", "another");
            // What is told next may have been looked at before.
            while (!next(stream, "tables").contains("another")) {
                assertThat(points(stream)).hasSize(1);
            }
            JsonNode point = points(stream);
            assertThat(point).hasSize(1);
            assertThat(point.get(0).path("queues").path("another").size()).isEqualTo(3);
        }
    }

    @Test
    void stream_ofASecondViewer_beginsWithWhatTheFirstHasSeen() throws Exception {
        try (BufferedReader first = stream()) {
            points(first);
            points(first);
            try (BufferedReader second = stream()) {
                assertThat(points(second).size()).isGreaterThanOrEqualTo(2);
            }
        }
    }

    @Test
    void manyQueues_shareALine() throws Exception {
        database.execute("INSERT INTO job (kind, queue) SELECT 'k', 'q' || i FROM generate_series(1, 30) AS i");
        try (BufferedReader stream = stream()) {
            assertThat(points(stream).get(0).path("queues").propertyNames())
                    .hasSize(9)
                    .contains("other queues");
        }
    }
}
