package dev.millrace.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobState;
import dev.millrace.job.JobType;
import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Looking at jobs, and operating on them by id. */
@PostgresTest
class JobsTest {

    record Email(String to, int size) {}

    private static final JobType<Email> EMAIL = JobType.of("email", Email.class);

    private final TestDatabase database;
    private Millrace millrace;
    private Jobs jobs;

    JobsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, unique_key");
        millrace = Millrace.connect(Database.of(database.url()));
        jobs = millrace.jobs();
    }

    @AfterEach
    void close() {
        millrace.close();
    }

    @Test
    void get_jobWithEverything_hasEverything() {
        long id = database.queryLong("""
                INSERT INTO job (kind, state, queue, priority, attempt, max_attempts, created_at, scheduled_at, attempted_at,
                    attempted_by, args, metadata, tags, timeout, retry_policy, unique_key, unique_states, cancel_requested_at, errors)
                VALUES ('k', 'running', 'q', 1, 2, 3, '2026-01-01Z', '2026-01-02Z', '2026-01-03Z', 'w', '{"n": 1.50}', '{"m": 1}',
                    '{a,NULL,b}', '90.5 s', 'fixed 10s', '\\x0aff', '{running}', '2026-01-04Z',
                    '[{"attempt": 1, "at": "2026-01-01T00:00:00Z", "worker": "v", "type": "T", "message": "m", "trace": "t"},
                      {"type": "lost_worker"}, "by hand", {"attempt": "x", "at": "soon", "message": {"a": 1}}]')
                RETURNING id""");

        JobDetails details = jobs.get(id).orElseThrow();

        JobSummary job = details.job();
        assertThat(job)
                .isEqualTo(new JobSummary(
                        id,
                        JobState.RUNNING,
                        "k",
                        "q",
                        1,
                        2,
                        3,
                        Instant.parse("2026-01-01T00:00:00Z"),
                        Instant.parse("2026-01-02T00:00:00Z"),
                        Instant.parse("2026-01-03T00:00:00Z"),
                        "w",
                        null,
                        List.of("a", "b"),
                        "{\"n\": 1.50}",
                        "{\"a\": 1}"));
        assertThat(details)
                .isEqualTo(new JobDetails(
                        job,
                        "{\"n\": 1.50}",
                        "{\"m\": 1}",
                        null,
                        Duration.ofMillis(90_500),
                        "fixed 10s",
                        details.runOrder(),
                        Instant.parse("2026-01-04T00:00:00Z"),
                        "0aff",
                        List.of("running"),
                        List.of(
                                new AttemptFailure(1, Instant.parse("2026-01-01T00:00:00Z"), "v", "T", "m", "t"),
                                new AttemptFailure(null, null, null, "lost_worker", null, null),
                                new AttemptFailure(null, null, null, null, "\"by hand\"", null),
                                new AttemptFailure(null, null, null, null, "{\"a\":1}", null))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "available",
                "running",
                "scheduled",
                "retryable",
                "pending",
                "completed",
                "cancelled",
                "discarded"
            })
    void get_eachState_isFound(String state) {
        long id = job(state, "k");

        assertThat(jobs.get(id)).hasValueSatisfying(found -> {
            assertThat(found.job().state().sql()).isEqualTo(state);
            assertThat(found.job().finalizedAt() != null)
                    .isEqualTo(found.job().state().isFinal());
            assertThat(found.failures()).isEmpty();
            assertThat(found.timeout()).isNull();
        });
    }

    @Test
    void get_unknownId_isEmpty() {
        assertThat(jobs.get(-1)).isEmpty();
    }

    @Test
    void get_largeArgs_areWholeHereAndLeftOutOfLists() {
        database.execute("""
                INSERT INTO job (kind, args)
                SELECT 'large', to_jsonb(string_agg(sha256(i::text::bytea)::text, '')) FROM generate_series(1, 300) AS i""");

        JobSummary listed = jobs.list(JobFilter.ALL).jobs().get(0);

        assertThat(listed.args()).isNull();
        assertThat(jobs.get(listed.id()).orElseThrow().args()).hasSizeGreaterThan(19_000);
    }

    @Test
    void list_argsThatCompressWell_areLeftOutByTheirLength() {
        database.execute(
                "INSERT INTO job (kind, args) SELECT 'k', to_jsonb(repeat('x', n)) FROM unnest(ARRAY[8190, 8191, 300000]) AS n");

        assertThat(jobs.list(JobFilter.ALL, PageRequest.FIRST.order(JobOrder.OLDEST_FIRST))
                        .jobs())
                .extracting(job -> job.args() == null ? 0 : job.args().length())
                .containsExactly(8_192, 0, 0);
    }

    static Stream<JobFilter> filtersOfOneJob() {
        Instant y2000 = Instant.parse("2000-01-01T00:00:00Z");
        Instant before = y2000.minusSeconds(1);
        Instant after = y2000.plusSeconds(1);
        return Stream.of(
                JobFilter.DEAD,
                JobFilter.ALL.states(JobState.DISCARDED, JobState.PENDING),
                JobFilter.ALL.kinds("wanted", "nothing"),
                JobFilter.ALL.queues("q", "nothing"),
                JobFilter.ALL.anyTag("a", "nothing"),
                JobFilter.ALL.allTags("a", "b"),
                JobFilter.ALL.createdFrom(before).createdBefore(after),
                JobFilter.ALL.scheduledFrom(y2000).scheduledBefore(after),
                JobFilter.ALL.finalizedFrom(y2000).finalizedBefore(after),
                JobFilter.ALL.kinds("wanted").finalizedBefore(Instant.parse("9999-12-31T00:00:00Z")),
                JobFilter.ALL.argsContain("{\"to\": {\"name\": \"x\"}}"),
                JobFilter.ALL.attemptedBy("worker-1"),
                JobFilter.ALL.errorContains("TIMED out%"),
                JobFilter.ALL.errorContains("IOExc").kinds("wanted").queues("q").allTags("b"));
    }

    @ParameterizedTest
    @MethodSource("filtersOfOneJob")
    void filter_eachCondition_findsTheOneJob(JobFilter filter) {
        for (JobState state : JobState.values()) {
            if (state != JobState.DISCARDED && state != JobState.PENDING) {
                job(state.sql(), "other");
            }
        }
        long wanted = database.queryLong("""
                INSERT INTO job (kind, state, queue, tags, created_at, scheduled_at, finalized_at, args, attempted_by, errors)
                VALUES ('wanted', 'discarded', 'q', '{a,b}', '2000-01-01Z', '2000-01-01Z', '2000-01-01Z', '{"to": {"name": "x", "n": 1}}',
                    'worker-1', '[{"type": "Other", "message": "none"}, {"type": "java.io.IOException", "message": "Timed out% here"}]')
                RETURNING id""");

        assertThat(jobs.list(filter).jobs()).extracting(JobSummary::id).containsExactly(wanted);
        assertThat(jobs.count(filter)).isEqualTo(1);
        assertThat(jobs.countAmong(filter, 1_000)).isEqualTo(new JobCount(1, true));
        assertThat(jobs.list(filter.idFrom(wanted + 1)).jobs()).isEmpty();
        assertThat(jobs.list(filter.idTo(wanted - 1)).jobs()).isEmpty();
    }

    @Test
    void filter_wrongValues_sayWhatIsPossible() {
        assertThatThrownBy(() -> JobFilter.ALL.kinds("")).hasMessageContaining("Kind '' is not possible: use 1 to 128");
        assertThatThrownBy(() -> JobFilter.ALL.queues(""))
                .hasMessageContaining("Queue '' is not possible: use 1 to 128");
        assertThatThrownBy(() -> JobFilter.ALL.createdFrom(Instant.MAX))
                .hasMessageContaining("out of range: 0001-01-01");
        assertThatThrownBy(() -> jobs.list(JobFilter.ALL.argsContain("{")))
                .isInstanceOf(JobsException.class)
                .hasMessageContaining("Could not list jobs, the database refused: ");
        assertThatThrownBy(() -> PageRequest.FIRST.size(1_001))
                .hasMessageContaining("Page size 1001 is out of range: 1 to 1000");
        assertThatThrownBy(() -> BulkOptions.DEFAULTS.batch(0))
                .hasMessageContaining("Batch 0 is out of range: 1 to 10000");
        assertThatThrownBy(() -> BulkOptions.DEFAULTS.limit(0))
                .hasMessageContaining("Limit 0 is out of range: 1 or more");
        assertThatThrownBy(() -> jobs.countUpTo(JobFilter.ALL, 0))
                .hasMessageContaining("Cap 0 is out of range: 1 or more");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "n", "x5", "n5.6", "d5", "n99999999999999999999", "n5; DROP TABLE job"})
    void page_afterWhatIsNoToken_isRefused(String token) {
        assertThatThrownBy(() -> PageRequest.FIRST.after(token))
                .hasMessageContaining("'" + token + "' is not the place of a page");
    }

    @Test
    void list_pages_showEachJobOnceWhateverIsEnqueuedMeanwhile() {
        List<Long> expected = new ArrayList<>();
        for (JobState state : JobState.values()) {
            for (int i = 0; i < 3; i++) {
                expected.add(0, job(state.sql(), "k"));
            }
        }

        List<Long> newest = new ArrayList<>();
        String token = null;
        do {
            JobPage page = jobs.list(JobFilter.ALL, PageRequest.FIRST.size(5).after(token));
            page.jobs().forEach(job -> newest.add(job.id()));
            token = page.next();
            job("available", "later");
        } while (token != null);

        assertThat(newest).isEqualTo(expected);
    }

    @Test
    void list_oldestFirst_endsWithTheNewest() {
        long first = job("completed", "k");
        long second = job("available", "k");
        long third = job("running", "k");
        PageRequest oldest = PageRequest.FIRST.order(JobOrder.OLDEST_FIRST).size(2);

        JobPage page = jobs.list(JobFilter.ALL, oldest);

        assertThat(page.jobs()).extracting(JobSummary::id).containsExactly(first, second);
        JobPage rest = jobs.list(JobFilter.ALL, oldest.after(page.next()));
        assertThat(rest.jobs()).extracting(JobSummary::id).containsExactly(third);
        assertThat(rest.next()).isNull();
    }

    @Test
    void list_dueFirst_goesByTimeAndId() {
        database.execute("""
                INSERT INTO job (kind, state, scheduled_at)
                SELECT 'k', (ARRAY['scheduled', 'retryable'])[1 + i % 2], timestamptz '2100-01-01Z' - i / 3 * interval '1 day'
                FROM generate_series(1, 20) AS i
                UNION ALL SELECT 'pending', 'pending', '2000-01-01Z'
                UNION ALL SELECT 'k', 'scheduled', 'infinity' FROM generate_series(1, 3)
                UNION ALL SELECT 'k', 'scheduled', '9999-12-30 01:02:03.123457Z' FROM generate_series(1, 3)""");
        List<Long> shown = new ArrayList<>();
        PageRequest page = PageRequest.FIRST.order(JobOrder.DUE_FIRST).size(2);
        String token = null;
        do {
            JobPage some = jobs.list(JobFilter.ALL, page.after(token));
            some.jobs().forEach(job -> shown.add(job.id()));
            token = some.next();
            page = page.after(token);
        } while (token != null && shown.size() < 100);

        assertThat(shown)
                .isEqualTo(
                        database.query("SELECT id FROM job WHERE state <> 'pending' ORDER BY scheduled_at, id").stream()
                                .map(row -> (Long) row.get("id"))
                                .toList());
    }

    @Test
    void countUpTo_more_isTheCap() {
        for (int i = 0; i < 5; i++) {
            job("available", "k");
        }
        assertThat(jobs.countUpTo(JobFilter.ALL, 3)).isEqualTo(3);
        assertThat(jobs.countUpTo(JobFilter.ALL, 30)).isEqualTo(5);
        assertThat(jobs.count(JobFilter.ALL)).isEqualTo(5);
    }

    @Test
    void estimate_analysedTable_isNearTheTruth() {
        database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, 20000)");
        database.execute("ANALYZE job_available");
        assertThat(jobs.estimate(JobFilter.ALL.states(JobState.AVAILABLE))).isBetween(15_000L, 25_000L);
        assertThat(jobs.estimate(JobFilter.ALL.kinds("k"))).isBetween(15_000L, 25_000L);
        assertThat(jobs.estimate(JobFilter.ALL.kinds("nothing"))).isLessThan(2_000);
    }

    @Test
    void operations_byId_answerWhatTheyDid() {
        long waiting = job("available", "k");
        long running = job("running", "k");

        assertThat(jobs.edit(waiting, JobEdit.NOTHING.priority(1))).isEqualTo(EditOutcome.CHANGED);
        assertThat(jobs.edit(running, JobEdit.NOTHING.priority(1))).isEqualTo(EditOutcome.NOT_WAITING);
        assertThat(jobs.cancel(List.of(running, waiting, -1L, waiting)))
                .isEqualTo(Map.of(
                        running,
                        CancelOutcome.REQUESTED,
                        waiting,
                        CancelOutcome.CANCELLED,
                        -1L,
                        CancelOutcome.NOT_FOUND));
        assertThat(jobs.retry(waiting)).isEqualTo(RetryOutcome.RETRIED);
        assertThat(jobs.retry(waiting)).isEqualTo(RetryOutcome.AVAILABLE);
        assertThat(jobs.delete(running)).isEqualTo(DeleteOutcome.RUNNING);
        assertThat(jobs.delete(waiting)).isEqualTo(DeleteOutcome.DELETED);
        assertThat(jobs.delete(List.of())).isEmpty();
    }

    @Test
    void operations_thousandsOfIds_answerForEach() {
        List<Long> ids =
                database.query("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, 2500) RETURNING id").stream()
                        .map(row -> (Long) row.get("id"))
                        .toList();

        assertThat(jobs.cancel(ids)).hasSize(2_500).containsValue(CancelOutcome.CANCELLED);
        assertThat(jobs.count(JobFilter.ALL.states(JobState.CANCELLED))).isEqualTo(2_500);
    }

    @Test
    void edit_everything_isThere() {
        long id = job("available", "email");
        JobEdit edit = JobEdit.NOTHING
                .args(EMAIL, new Email("a\"ä", 7))
                .queue("q\"")
                .priority(4)
                .maxAttempts(9)
                .in(Duration.ofHours(2))
                .timeout(Duration.ofNanos(1_500_000_000))
                .tags("x", "y z")
                .metadata("{\"m\": 1}")
                .retryPolicy(RetryPolicy.fixed(Duration.ofSeconds(10)));

        assertThat(jobs.edit(id, edit)).isEqualTo(EditOutcome.CHANGED);

        JobDetails job = jobs.get(id).orElseThrow();
        assertThat(job.args()).isEqualTo("{\"to\": \"a\\\"ä\", \"size\": 7}");
        assertThat(job.job().queue()).isEqualTo("q\"");
        assertThat(job.job().priority()).isEqualTo(4);
        assertThat(job.job().maxAttempts()).isEqualTo(9);
        assertThat(job.job().state()).isEqualTo(JobState.SCHEDULED);
        assertThat(Duration.between(Instant.now(), job.job().scheduledAt()))
                .isBetween(Duration.ofMinutes(118), Duration.ofMinutes(121));
        assertThat(job.timeout()).isEqualTo(Duration.ofMillis(1_500));
        assertThat(job.job().tags()).containsExactly("x", "y z");
        assertThat(job.metadata()).isEqualTo("{\"m\": 1}");
        assertThat(job.retryPolicy()).isEqualTo("fixed 10s");

        jobs.edit(
                id,
                JobEdit.NOTHING
                        .args("[1.50]")
                        .at(Instant.parse("2100-01-01T00:00:00Z"))
                        .timeout(null)
                        .tags()
                        .metadata(null)
                        .retryPolicy(null));
        JobDetails cleared = jobs.get(id).orElseThrow();
        assertThat(cleared.args()).isEqualTo("[1.50]");
        assertThat(cleared.job().scheduledAt()).isEqualTo("2100-01-01T00:00:00Z");
        assertThat(cleared.timeout()).isNull();
        assertThat(cleared.job().tags()).isEmpty();
        assertThat(cleared.metadata()).isNull();
        assertThat(cleared.retryPolicy()).isNull();
        assertThat(Set.of(JobEdit.NOTHING.isEmpty(), edit.isEmpty())).containsExactlyInAnyOrder(true, false);
    }

    @Test
    void edit_wrongValues_sayWhatIsPossible() {
        assertThatThrownBy(() -> JobEdit.NOTHING.priority(9))
                .hasMessage("Priority 9 is out of range: 1 (first) to 4 (last)");
        assertThatThrownBy(() -> JobEdit.NOTHING.maxAttempts(0)).hasMessageContaining("out of range: 1 to 32767");
        assertThatThrownBy(() -> JobEdit.NOTHING.in(Duration.ofDays(-1))).hasMessageContaining("out of range: 0 to");
        assertThatThrownBy(() -> JobEdit.NOTHING.timeout(Duration.ZERO)).hasMessageContaining("out of range: 1 ms to");
        long id = job("available", "k");
        assertThatThrownBy(() -> jobs.edit(id, JobEdit.NOTHING.args("{")))
                .isInstanceOf(JobsException.class)
                .hasMessageContaining("Could not edit jobs, the database refused: ");
        assertThatThrownBy(() -> jobs.edit(id, JobEdit.NOTHING.metadata("[]")))
                .hasMessageContaining("metadata of a job can not become []: it is an object");
    }

    private long job(String state, String kind) {
        return database.queryLong("""
                INSERT INTO job (kind, state, attempted_by, attempted_at, finalized_at)
                SELECT ?, s, 'w', now(), CASE WHEN s IN ('completed', 'cancelled', 'discarded') THEN now() END
                FROM (SELECT ?::text AS s) AS state
                RETURNING id""", kind, state);
    }
}
