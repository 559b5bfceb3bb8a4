package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.net.http.HttpResponse;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@PostgresTest
@Timeout(60)
class ActionsTest {

    /** Not one of the worker's. */
    private static final String QUEUE = "back & forth/1";

    private final TestDatabase database;
    private DashboardRig rig;

    ActionsTest(TestDatabase database) {
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

    private long waiting() {
        return rig.insert("kind, queue", "k", QUEUE);
    }

    private long dead() {
        return rig.insert("kind, queue, state, finalized_at", "k", QUEUE, "discarded", OffsetDateTime.now());
    }

    @Test
    void queue_pauseAndResume_areSetAndTold() throws Exception {
        waiting();
        String paused = rig.posted("/queues", "/queues/pause", "queue", QUEUE);
        assertThat(paused).contains("The queue is paused", "Resume");
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE name = ? AND paused_at IS NOT NULL", QUEUE))
                .isEqualTo(1);
        assertThat(rig.posted("/queues", "/queues/resume", "queue", QUEUE)).contains("The queue is resumed");
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE paused_at IS NOT NULL"))
                .isZero();
    }

    @Test
    void queue_slots_areSetAndTakenBack() throws Exception {
        waiting();
        assertThat(rig.posted("/queues", "/queues/slots", "queue", QUEUE, "slots", "7"))
                .contains("7 on each worker");
        assertThat(database.queryLong("SELECT slots FROM queue WHERE name = ?", QUEUE))
                .isEqualTo(7);
        rig.posted("/queues", "/queues/slots", "queue", QUEUE, "slots", "");
        assertThat(database.queryLong("SELECT count(*) FROM queue WHERE slots IS NOT NULL"))
                .isZero();
        for (String wrong : new String[] {"0", "10001", "-1", "many"}) {
            HttpResponse<String> answer = rig.post("/queues", "/queues/slots", "queue", QUEUE, "slots", wrong);
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(answer.body()).contains("slots: '" + wrong + "'", "1 to 10000");
        }
        assertThat(rig.post("/queues", "/queues/pause").statusCode()).isEqualTo(400);
    }

    @Test
    void job_cancelRetryDelete_doThat() throws Exception {
        long id = waiting();
        assertThat(rig.posted("/jobs/" + id, "/jobs/" + id + "/cancel")).contains("The job is cancelled");
        assertThat(rig.state(id)).isEqualTo("cancelled");
        assertThat(rig.posted("/jobs/" + id, "/jobs/" + id + "/retry")).contains("The job is available now");
        assertThat(rig.state(id)).isEqualTo("available");
        assertThat(rig.posted("/jobs/" + id + "/delete", "/jobs/" + id + "/delete"))
                .contains("The job is deleted");
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
        assertThat(rig.audit().recent())
                .extracting(entry -> entry.action() + " " + entry.on() + ": " + entry.count() + " " + entry.result())
                .containsExactly(
                        "delete job " + id + ": 1 deleted",
                        "retry job " + id + ": 1 retried",
                        "cancel job " + id + ": 1 cancelled");
    }

    @Test
    void job_thatRuns_isAskedToStop() throws Exception {
        long id = rig.insert("kind, queue", "hold", "run");
        rig.awaitState(id, "running");
        assertThat(rig.posted("/jobs/" + id, "/jobs/" + id + "/cancel")).contains("its handler is asked to stop");
        rig.awaitState(id, "cancelled");
    }

    @Test
    void job_edit_changesPriorityAndTime() throws Exception {
        long id = waiting();
        String page = rig.posted("/jobs/" + id, "/jobs/" + id + "/edit", "priority", "4", "due", "2099-01-02T03:04:05");
        assertThat(page).contains("The job is changed", "2099-01-02 03:04:05");
        assertThat(database.queryString(
                        "SELECT concat_ws(' ', state, priority, scheduled_at AT TIME ZONE 'UTC') FROM job"))
                .isEqualTo("scheduled 4 2099-01-02 03:04:05");
        for (String[] wrong : new String[][] {{"priority", "5"}, {"priority", "x"}, {"due", "soon"}, {"due", ""}}) {
            assertThat(rig.post("/jobs/" + id, "/jobs/" + id + "/edit", wrong).statusCode())
                    .isEqualTo(400);
        }
    }

    @Test
    void periodic_disableEnableRun_doThat() throws Exception {
        database.execute(
                "INSERT INTO periodic (name, schedule, kind, queue) VALUES ('a & b', 'every PT1H', 'tick', 'away')");
        assertThat(rig.posted("/periodic", "/periodic/disable", "name", "a & b"))
                .contains("is disabled");
        assertThat(database.queryLong("SELECT count(*) FROM periodic WHERE paused_at IS NOT NULL"))
                .isEqualTo(1);
        assertThat(rig.posted("/periodic", "/periodic/enable", "name", "a & b")).contains("is enabled");
        assertThat(rig.posted("/periodic", "/periodic/run", "name", "a & b")).contains("tick");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE kind = 'tick'"))
                .isEqualTo(1);
        assertThat(rig.post("/periodic", "/periodic/run", "name", "none").statusCode())
                .isEqualTo(503);
        assertThat(rig.posted("/periodic", "/periodic/disable", "name", "none")).contains("no such periodic job");
    }

    @Test
    void bulk_asksWithTheCount_thenDoesIt() throws Exception {
        for (int i = 0; i < 5; i++) {
            dead();
        }
        long other = waiting();
        String search = "state=discarded&queue=" + DashboardRig.encoded(QUEUE);
        assertThat(rig.page("/jobs?" + search)).contains("/jobs/bulk?do=retry");
        String question = rig.page("/jobs/bulk?do=retry&" + search);
        assertThat(question).contains("<strong>5</strong> match", "state discarded, queue back &amp; forth/1");
        long later = dead();
        String run = rig.posted("/jobs/bulk?do=retry&" + search, "/jobs/bulk", fields(question));
        assertThat(run).contains("all jobs with");
        String path = path(run);
        await().atMost(DashboardRig.SOON)
                .untilAsserted(() -> assertThat(rig.page(path)).contains(">done<", "5 retried"));
        assertThat(rig.state(later)).as("enqueued after the question").isEqualTo("discarded");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'available'"))
                .isEqualTo(6);
        assertThat(rig.state(other)).isEqualTo("available");
        assertThat(rig.audit().recent())
                .extracting(entry -> entry.action() + ": " + entry.count() + " " + entry.result())
                .contains("act on all jobs that match: 0 retry begun", "retry jobs: the end: 5 done, 5 retried");
        assertThat(rig.page("/actions")).contains("5 retried", "retry jobs: the end");
    }

    @Test
    void bulk_cancelAndDelete_doThat() throws Exception {
        for (int i = 0; i < 3; i++) {
            waiting();
        }
        for (String verb : new String[] {"cancel", "delete"}) {
            String address = "/jobs/bulk?do=" + verb + "&kind=k";
            String run = rig.posted(address, "/jobs/bulk", fields(rig.page(address)));
            String path = path(run);
            await().atMost(DashboardRig.SOON)
                    .untilAsserted(() -> assertThat(rig.page(path)).contains(">done<", "3 " + verb));
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
    }

    @Test
    void bulk_whileTheWorkerCloses_isRefusedAndPagesStay() throws Exception {
        waiting();
        String address = "/jobs/bulk?do=cancel&kind=k";
        String[] fields = fields(rig.page(address));
        rig.dashboard().close();
        HttpResponse<String> answer = rig.post(address, "/jobs/bulk", fields);
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.body()).contains("Not now", "This worker is closing");
        assertThat(rig.page("/actions")).contains("failed: This worker is closing");
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = 'available'"))
                .isEqualTo(1);
    }

    @Test
    void bulk_manyJobs_countIsCapped() throws Exception {
        database.execute("INSERT INTO job (kind, queue) SELECT 'k', 'away' FROM generate_series(1, 10001)");
        assertThat(rig.page("/jobs/bulk?do=cancel&kind=k")).contains("At least <strong>10,000</strong> match");
    }

    @Test
    void bulk_retryWithoutState_warnsThatCompletedJobsRunAgain() throws Exception {
        dead();
        assertThat(rig.page("/jobs/bulk?do=retry&kind=k")).contains("would run again");
        assertThat(rig.page("/jobs/bulk?do=retry&kind=k&state=discarded")).doesNotContain("would run again");
    }

    @Test
    void bulk_withoutCondition_isRefused() throws Exception {
        waiting();
        long id = waiting();
        assertThat(rig.post("/jobs/" + id, "/jobs/bulk", "do", "delete").statusCode())
                .isEqualTo(400);
        assertThat(rig.post("/jobs/" + id, "/jobs/bulk", "do", "delete", "id_to", "")
                        .statusCode())
                .isEqualTo(400);
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(2);
    }

    /** Hidden fields of the question, as a browser would send them. */
    private static String[] fields(String page) {
        Matcher field = Pattern.compile("type=\"hidden\" name=\"([a-z_]+)\" value=\"([^\"]*)\"")
                .matcher(page);
        List<String> fields = new ArrayList<>();
        while (field.find()) {
            if (!field.group(1).equals("_token")) {
                fields.add(field.group(1));
                fields.add(field.group(2).replace("&#x3D;", "=").replace("&amp;", "&"));
            }
        }
        return fields.toArray(String[]::new);
    }

    private static String path(String runPage) {
        Matcher path = Pattern.compile("/actions/\\d+").matcher(runPage);
        assertThat(path.find()).isTrue();
        return path.group();
    }
}
