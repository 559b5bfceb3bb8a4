package dev.millrace.ops;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JobState;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.engine.Explain;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** What looking at jobs and operating on them reads of 200,000. */
@PostgresTest
@TestInstance(Lifecycle.PER_CLASS)
class JobsPlanTest {

    private static final int PAGE = 100;
    private static final int READING = 2_000;

    private final TestDatabase database;
    private final JobQueries queries;
    private Supervisor supervisor;

    JobsPlanTest(TestDatabase database) {
        this.database = database;
        this.queries = new JobQueries(database.schema());
    }

    @BeforeAll
    void fill() throws InterruptedException {
        database.execute("""
                INSERT INTO job (kind, queue, tags, state, scheduled_at, attempted_at, attempted_by, finalized_at, args)
                SELECT (ARRAY['a', 'b', 'c', 'd'])[1 + i / 5 % 4], 'default', ARRAY['t' || i / 20 % 10], s,
                    now() + CASE s WHEN 'scheduled' THEN i * interval '1 s' ELSE '0' END, now(), 'w',
                    CASE s WHEN 'completed' THEN now() - i / 200 % 4 * interval '24 hours' WHEN 'discarded' THEN now() END,
                    jsonb_build_object('n', i)
                FROM generate_series(1, 200000) AS i, LATERAL (SELECT
                    (ARRAY['available', 'running', 'scheduled', 'completed', 'completed', 'discarded'])[1 + i % 5 + (i % 50 / 49)] AS s
                ) AS state""");
        database.execute("ANALYZE job");
        supervisor = Supervisor.connect(Database.of(database.url()), null, Duration.ofSeconds(10));
    }

    @AfterAll
    void close() {
        supervisor.close();
    }

    static Stream<JobFilter> oftenMet() {
        return Stream.of(
                JobFilter.ALL,
                JobFilter.ALL.kinds("b"),
                JobFilter.ALL.kinds("b").queues("default").anyTag("t1", "t3"),
                JobFilter.ALL.states(JobState.AVAILABLE),
                JobFilter.ALL.states(JobState.RUNNING).attemptedBy("w"),
                JobFilter.ALL.states(JobState.SCHEDULED, JobState.RETRYABLE).kinds("a", "b"),
                JobFilter.ALL.states(JobState.COMPLETED),
                JobFilter.DEAD.kinds("b"),
                JobFilter.ALL.idTo(100_000));
    }

    @ParameterizedTest
    @MethodSource("oftenMet")
    void list_newestFirst_readsInProportionToThePage(JobFilter filter) throws SQLException {
        assertReadsAPage(filter, PageRequest.FIRST.size(PAGE));
        assertReadsAPage(filter, PageRequest.FIRST.size(PAGE).after("n150000"));
    }

    @ParameterizedTest
    @MethodSource("oftenMet")
    void list_oldestFirst_readsInProportionToThePage(JobFilter filter) throws SQLException {
        assertReadsAPage(
                filter,
                PageRequest.FIRST.size(PAGE).order(JobOrder.OLDEST_FIRST).after("o50000"));
    }

    /** What few jobs or none meet: without an end, these walk over whole partitions. */
    static Stream<JobFilter> hardlyMet() {
        return Stream.of(
                JobFilter.ALL.kinds("no_such_kind"),
                JobFilter.ALL.states(JobState.RETRYABLE),
                JobFilter.ALL.states(JobState.CANCELLED),
                JobFilter.ALL.states(JobState.AVAILABLE, JobState.DISCARDED).queues("no_such_queue"),
                JobFilter.ALL.states(JobState.RUNNING, JobState.COMPLETED).anyTag("no_such_tag"),
                JobFilter.ALL.states(JobState.COMPLETED).allTags("t1", "no_such_tag"),
                JobFilter.ALL.argsContain("{\"n\": 77777}"),
                JobFilter.ALL.errorContains("no such error"),
                JobFilter.ALL.createdBefore(Instant.EPOCH),
                // The days of what is read are others than those of what is asked for, at whatever time of day this
                // runs.
                endedBefore(2).kinds("no_such_kind"),
                endedBefore(3).kinds("no_such_kind"),
                JobFilter.ALL
                        .finalizedBefore(Instant.now().minusSeconds(40 * 3_600))
                        .kinds("no_such_kind"));
    }

    /** Before the first moment of a day. */
    private static JobFilter endedBefore(int daysAgo) {
        return JobFilter.ALL.finalizedBefore(
                Instant.now().minus(daysAgo, ChronoUnit.DAYS).truncatedTo(ChronoUnit.DAYS));
    }

    @ParameterizedTest
    @MethodSource("hardlyMet")
    void list_withAnEnd_readsNoMoreThanThat(JobFilter filter) throws SQLException {
        for (JobOrder order : new JobOrder[] {JobOrder.NEWEST_FIRST, JobOrder.OLDEST_FIRST}) {
            JsonNode plan = plan(filter, PageRequest.FIRST.order(order).reading(READING));
            assertThat(Explain.read(plan)).as(plan.toPrettyString()).isLessThanOrEqualTo(READING);
            JsonNode walk = explain(new Walk(database.schema(), filter, order, null).sql(READING));
            // Of several phases up to so many of each.
            assertThat(Explain.read(walk)).as(walk.toPrettyString()).isLessThanOrEqualTo(2 * READING + 20);
        }
    }

    @ParameterizedTest
    @MethodSource("hardlyMet")
    void countAmong_readsNoMoreThanAsked(JobFilter filter) throws SQLException {
        JsonNode plan = Explain.plan(supervisor, connection -> queries.countAmong(connection, filter, READING));
        assertThat(Explain.read(plan)).as(plan.toPrettyString()).isLessThanOrEqualTo(READING);
    }

    @ParameterizedTest
    @MethodSource("hardlyMet")
    void bulk_batch_readsNoMoreThanItsWindow(JobFilter filter) throws SQLException {
        Operator operator = new Operator(supervisor, new JobsFailure(supervisor));
        for (long after : new long[] {Long.MIN_VALUE, 70_000}) {
            long window = supervisor.work(connection -> operator.window(connection, filter, after));
            JsonNode plan = Explain.plan(
                    supervisor,
                    connection -> operator.ids(
                            connection, Operator.within(filter, after, window), " ORDER BY id LIMIT 1000"));
            assertThat(Explain.read(plan)).as(plan.toPrettyString()).isLessThanOrEqualTo(Operator.WINDOW);
        }
    }

    @Test
    void list_withAnEndPageByPage_findsWhatThereIs() throws SQLException {
        JobFilter filter = JobFilter.DEAD.kinds("b").argsContain("{}").idTo(150_000);
        for (JobOrder order : new JobOrder[] {JobOrder.NEWEST_FIRST, JobOrder.OLDEST_FIRST}) {
            List<Long> found = new ArrayList<>();
            PageRequest page = PageRequest.FIRST.size(7).order(order).reading(100);
            int pages = 0;
            for (String next = ""; next != null; pages++) {
                PageRequest asked = page;
                JobPage got = supervisor.work(connection -> queries.list(connection, filter, asked));
                got.jobs().forEach(job -> found.add(job.id()));
                next = got.next();
                page = page.after(next);
            }
            assertThat(pages).isGreaterThan(20);
            assertThat(found)
                    .isEqualTo(database
                            .query(
                                    "SELECT id FROM job WHERE state = 'discarded' AND kind = 'b' AND id <= 150000 ORDER BY id"
                                            + (order == JobOrder.NEWEST_FIRST ? " DESC" : ""))
                            .stream()
                            .map(row -> (Long) row.get("id"))
                            .toList())
                    .isNotEmpty();
        }
    }

    @Test
    void countAmong_saysWhetherThatIsAll() throws SQLException {
        JobFilter dead = JobFilter.DEAD;
        long all = database.queryLong("SELECT count(*) FROM job WHERE state = 'discarded'");
        JobCount whole = supervisor.work(connection -> queries.countAmong(connection, dead, (int) all + 1));
        JobCount cut = supervisor.work(connection -> queries.countAmong(connection, dead, (int) all - 1));
        assertThat(whole).isEqualTo(new JobCount(all, true));
        assertThat(cut).isEqualTo(new JobCount(all - 1, false));
    }

    @Test
    void list_dueFirst_readsInProportionToThePage() throws SQLException {
        PageRequest due = PageRequest.FIRST.size(PAGE).order(JobOrder.DUE_FIRST);
        assertReadsAPage(JobFilter.ALL, due);
        assertReadsAPage(JobFilter.ALL, due.after("d" + (System.currentTimeMillis() + 50_000_000) * 1_000 + ".7"));
    }

    @Test
    void list_states_touchTheirPartitionsOnly() throws SQLException {
        JsonNode plan = plan(JobFilter.DEAD, PageRequest.FIRST);
        assertThat(relations(plan)).isNotEmpty().allMatch(relation -> relation.startsWith("job_finalized"));
        assertThat(relations(plan(JobFilter.ALL.states(JobState.RUNNING), PageRequest.FIRST)))
                .containsExactly("job_running");
    }

    @Test
    void list_timeOfTheEnd_touchesItsDaysOnly() throws SQLException {
        JsonNode plan = plan(
                JobFilter.ALL.finalizedFrom(Instant.now().minusSeconds(60)).finalizedBefore(Instant.now()),
                PageRequest.FIRST);
        assertThat(relations(plan)).hasSizeBetween(1, 3).allMatch(relation -> relation.startsWith("job_finalized"));
    }

    @Test
    void get_readsOneRowByIndex() throws SQLException {
        long id = database.queryLong("SELECT max(id) FROM job_running");
        JsonNode plan = Explain.plan(supervisor, connection -> queries.get(connection, id));
        assertThat(Explain.read(plan)).as(plan.toPrettyString()).isEqualTo(1);
    }

    @Test
    void countUpTo_readsUpToTheCap() throws SQLException {
        JsonNode plan = Explain.plan(supervisor, connection -> queries.countUpTo(connection, JobFilter.ALL, 1_000));
        assertThat(Explain.read(plan)).as(plan.toPrettyString()).isEqualTo(1_000);
    }

    @Test
    void estimate_isNearTheTruth() throws SQLException {
        long all = supervisor.work(connection -> queries.estimate(connection, JobFilter.ALL));
        long dead = supervisor.work(connection -> queries.estimate(connection, JobFilter.DEAD.kinds("b")));
        assertThat(all).isBetween(190_000L, 215_000L);
        assertThat(dead).isBetween(500L, 3_000L);
    }

    @Test
    void functions_hundredIds_readThoseByIndex() throws SQLException {
        long[] ids = database.query("SELECT id FROM job ORDER BY id DESC LIMIT ?", PAGE).stream()
                .mapToLong(row -> (long) row.get("id"))
                .toArray();
        for (Operation<?> operation : new Operation<?>[] {
            Operation.CANCEL, Operation.RETRY, Operation.DELETE, Operation.edit("{\"priority\": 1}", null)
        }) {
            JsonNode plan = Explain.plan(supervisor, connection -> operation.apply(connection, database.schema(), ids));
            long pages = plan.path("Shared Hit Blocks").asLong()
                    + plan.path("Shared Read Blocks").asLong();
            // All partitions have some 4,000; a job is looked up in about ten, by an index of two levels, in four
            // statements. Before PostgreSQL 17 the index is descended anew for each id.
            assertThat(plan.path("Actual Rows").asInt()).isEqualTo(PAGE);
            assertThat(pages).as(operation.verb() + plan.toPrettyString()).isLessThan(32L * PAGE);
        }
    }

    private JsonNode explain(String sql) throws SQLException {
        return Explain.plan(supervisor, connection -> {
            try (PreparedStatement statement = connection.prepareStatement(sql);
                    ResultSet none = statement.executeQuery()) {
                return none.next();
            }
        });
    }

    private JsonNode plan(JobFilter filter, PageRequest page) throws SQLException {
        return Explain.plan(supervisor, connection -> queries.list(connection, filter, page));
    }

    /** Up to one row in twenty meets the conditions here, and each partition is read one such row ahead. */
    private void assertReadsAPage(JobFilter filter, PageRequest page) throws SQLException {
        JsonNode plan = plan(filter, page);
        assertThat(plan.path("Actual Rows").asInt()).as(plan.toPrettyString()).isEqualTo(PAGE + 1);
        assertThat(Explain.read(plan)).as(plan.toPrettyString()).isLessThan(32L * PAGE);
    }

    private static Stream<String> relationsOf(JsonNode plan) {
        Stream<String> own =
                plan.has("Relation Name") ? Stream.of(plan.path("Relation Name").asString()) : Stream.of();
        return Stream.concat(own, plan.path("Plans").valueStream().flatMap(JobsPlanTest::relationsOf));
    }

    private static List<String> relations(JsonNode plan) {
        return relationsOf(plan).distinct().toList();
    }
}
