package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobType;
import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.Schedule;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Schedulers that all believe to lead, on one database. */
@PostgresTest
class PeriodicSchedulerTest {

    record Note(String text) {}

    private static final JobType<Note> NOTE = JobType.of("note", Note.class);
    private static final Schedule EVERY_SECOND = Schedule.every(Duration.ofSeconds(1));
    private static final Duration SOON = Duration.ofSeconds(60);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();

    PeriodicSchedulerTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, periodic, unique_key");
        logged.start();
        logger().addAppender(logged);
    }

    @AfterEach
    void close() throws Exception {
        logger().detachAppender(logged);
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger(PeriodicScheduler.class);
    }

    private PeriodicScheduler start(boolean leads, PeriodicJob... inCode) throws SQLException, InterruptedException {
        Supervisor supervisor = Supervisor.connect(Database.of(database.url()).withPoolSize(2), null, SOON);
        opened.add(supervisor);
        PeriodicScheduler scheduler =
                new PeriodicScheduler(supervisor, List.of(inCode), new JacksonArgsCodec(), () -> leads);
        opened.add(scheduler);
        scheduler.start(SOON);
        return scheduler;
    }

    private static PeriodicJob job(String name, Schedule schedule) {
        return PeriodicJob.of(name, schedule, NOTE, new Note(name));
    }

    private long jobs(String name) {
        return database.queryLong("SELECT count(*) FROM job WHERE metadata ->> 'periodic' = ?", name);
    }

    private void awaitJobs(String name, long least) {
        await().atMost(SOON).until(() -> jobs(name) >= least);
    }

    /** Ticks of every second: none twice, none left out. */
    private void assertEachSecondOnce(String name) {
        assertThat(database.queryLong("""
                SELECT count(*) - count(DISTINCT scheduled_at) FROM job WHERE metadata ->> 'periodic' = ?
                """, name)).isZero();
        assertThat(database.queryLong("""
                SELECT extract(epoch FROM max(scheduled_at) - min(scheduled_at))::bigint + 1 - count(*) FROM job WHERE metadata ->> 'periodic' = ?
                """, name)).isZero();
    }

    @Test
    void leaders_manyAtOnce_enqueueEachTickOnce() throws Exception {
        for (int i = 0; i < 3; i++) {
            start(
                    true,
                    job("a", EVERY_SECOND).missed(MissedTicks.ALL),
                    job("b", EVERY_SECOND).missed(MissedTicks.ALL));
        }

        awaitJobs("a", 4);
        awaitJobs("b", 4);

        assertEachSecondOnce("a");
        assertEachSecondOnce("b");
        assertThat(database.queryLong("""
                SELECT count(*) FROM job WHERE (metadata ->> 'tick')::timestamptz <> scheduled_at OR created_at < scheduled_at
                    OR created_at > scheduled_at + interval '10 seconds'
                """)).isZero();
        assertThat(logged.list).isEmpty();
    }

    @Test
    void leaders_whoseSessionsAreKilledAgainAndAgain_loseAndDoubleNoTick() throws Exception {
        start(true, job("a", EVERY_SECOND).missed(MissedTicks.ALL));
        start(true);
        for (int killed = 1; killed <= 12; killed++) {
            database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%'");
            int sessionsEnded = killed;
            if (sessionsEnded % 4 == 0) {
                awaitJobs("a", sessionsEnded / 4);
            }
        }
        long before = jobs("a");

        awaitJobs("a", before + 2);

        assertEachSecondOnce("a");
    }

    @Test
    void leader_whatItCanNotRun_keepsNothingElseFromRunning() throws Exception {
        database.execute("""
                INSERT INTO periodic (name, schedule, zone, kind) VALUES
                    ('a bad cron', 'cron 0 25 * * *', 'UTC', 'k'), ('b bad zone', 'cron * * * * *', 'Europe/Atlantis', 'k'),
                    ('c never', 'cron 0 0 30 2 *', 'UTC', 'k'), ('d refused', 'every 1s', 'UTC', 'refused'), ('e good', 'every 1s', 'UTC', 'k');
                ALTER TABLE job_available ADD CONSTRAINT not_this CHECK (kind <> 'refused');
                """);
        try {
            start(true);
            start(true);

            awaitJobs("e good", 3);
            await().atMost(SOON)
                    .until(() -> database.queryLong("SELECT count(*) FROM periodic WHERE error IS NOT NULL") == 4);

            assertThat(error("a bad cron")).contains("'25' in the field hour is not possible, allowed is 0 to 23");
            assertThat(error("b bad zone")).contains("Time zone 'Europe/Atlantis' is not known here");
            assertThat(error("c never")).contains("never comes true");
            assertThat(error("d refused")).contains("The database refused its job", "not_this");
            // It is told after it is written.
            await().atMost(SOON).until(() -> logged.list.size() >= 4);
            // Each told once, not at every look and not by every leader.
            assertThat(logged.list)
                    .extracting(ILoggingEvent::getFormattedMessage)
                    .hasSize(4)
                    .allSatisfy(line -> assertThat(line)
                            .startsWith("Periodic job '")
                            .contains("can't be run until this is mended: "));
        } finally {
            database.execute("ALTER TABLE job_available DROP CONSTRAINT not_this");
        }
        database.execute("UPDATE periodic SET schedule = 'every 1s' WHERE name = 'a bad cron'");
        awaitJobs("a bad cron", 1);
        assertThat(error("a bad cron")).isNull();
        assertThat(jobs("d refused")).isZero();
        // It would have been tried again some minutes later.
        database.execute("UPDATE periodic SET next_tick_at = now() WHERE name = 'd refused'");
        awaitJobs("d refused", 1);
        assertThat(error("d refused")).isNull();
    }

    private @Nullable String error(String name) {
        return database.queryString("SELECT error FROM periodic WHERE name = ?", name);
    }

    @Test
    void customSchedule_runsWhereItsCodeIsAlthoughAnotherLeads() throws Exception {
        start(true);
        start(false, job("own", after -> EVERY_SECOND.next(after)), job("text", EVERY_SECOND));
        awaitJobs("own", 2);
        awaitJobs("text", 2);
        assertThat(database.queryString("SELECT string_agg(schedule, ' ' ORDER BY name) FROM periodic"))
                .isEqualTo("code every PT1S");
        assertEachSecondOnce("own");
    }

    @Test
    void customSchedule_withoutItsCode_isLeftAlone() throws Exception {
        database.execute(
                "SELECT add_periodic('own', 'code', 'k', source => 'code'), add_periodic('other', 'every 1s', 'k')");
        start(true);

        awaitJobs("other", 2);

        assertThat(jobs("own")).isZero();
        assertThat(database.queryLong("SELECT count(*) FROM periodic WHERE name = 'own' AND error IS NULL"))
                .isOne();
    }

    @Test
    void customSchedule_thatThrowsOrStandsStill_isTold() throws Exception {
        AtomicBoolean broken = new AtomicBoolean(true);
        start(false, job("stands", after -> after), job("throws", after -> {
            if (broken.get()) {
                throw new IllegalStateException("no\0calendar");
            }
            return EVERY_SECOND.next(after);
        }));

        await().atMost(SOON)
                .until(() -> database.queryLong("SELECT count(*) FROM periodic WHERE error IS NOT NULL") == 2);
        assertThat(error("stands")).contains("does not go forward");
        assertThat(error("throws")).isEqualTo("no\uFFFDcalendar");

        broken.set(false);
        database.execute("UPDATE periodic SET next_tick_at = now() WHERE name = 'throws'");
        awaitJobs("throws", 1);
    }

    @Test
    void customSchedule_thatEnds_isLookedAtNoMore() throws Exception {
        AtomicReference<Instant> only = new AtomicReference<>();
        start(false, job("once", after -> {
            only.compareAndSet(null, after.plusSeconds(1));
            return after.isBefore(only.get()) ? only.get() : null;
        }));

        awaitJobs("once", 1);

        assertThat(database.queryString("SELECT next_tick_at::text FROM periodic"))
                .isEqualTo("infinity");
        assertThat(jobs("once")).isOne();
    }

    @Test
    void missedTicks_afterAllWereAway_areByPolicy() throws Exception {
        // Intervals count from 1970, and a tick of a moment ago is run whatever the policy: so one that is not due just
        // now.
        int days = Instant.now().getEpochSecond() % Duration.ofDays(100).toSeconds() > 3600 ? 100 : 101;
        database.execute("""
                INSERT INTO periodic (name, schedule, kind, missed, planned_after)
                SELECT missed, format('every %sd', days), 'k', missed, now() - make_interval(days => 10 * days + 1)
                FROM unnest('{skip,one,all}'::text[]) AS missed, CAST (? AS integer) AS days
                UNION ALL SELECT 'many', 'every 1h', 'k', 'all', now() - interval '1001 hours'
                """, days);
        start(true);

        awaitJobs("all", 10);
        awaitJobs("many", 1_001);
        await().atMost(SOON)
                .until(() -> database.queryLong(
                                "SELECT count(*) FROM periodic WHERE next_tick_at > now() AND planned_after <= now()")
                        == 4);

        assertThat(jobs("skip")).isZero();
        assertThat(jobs("one")).isOne();
        assertThat(jobs("all")).isBetween(10L, 11L);
        assertThat(
                        database.queryLong(
                                "SELECT count(*) FROM job WHERE metadata ->> 'periodic' = 'one' AND scheduled_at = (SELECT max(scheduled_at) FROM job WHERE metadata ->> 'periodic' = 'all')"))
                .isOne();
        // Caught up in order, batch by batch.
        assertThat(database.queryLong("""
                SELECT count(*) FROM (SELECT scheduled_at > lag(scheduled_at) OVER (ORDER BY run_order) AS later FROM job
                WHERE metadata ->> 'periodic' = 'many') AS o WHERE NOT later
                """)).isZero();
    }

    @Test
    void entry_changedWhileItRuns_isRunAsItIsThen() throws Exception {
        start(true);
        database.execute("SELECT add_periodic('n', 'every 1s', 'k')");
        awaitJobs("n", 1);

        database.execute("SELECT disable_periodic('n')");
        long disabled = jobs("n");
        database.execute("SELECT add_periodic('other', 'every 1s', 'k')");
        awaitJobs("other", 3);
        assertThat(jobs("n")).isEqualTo(disabled);

        database.execute("SELECT add_periodic('n', 'every 1s', 'changed')");
        assertThat(jobs("n")).isEqualTo(disabled);
        database.execute("SELECT enable_periodic('n')");
        awaitJobs("n", disabled + 2);
        assertThat(database.queryLong(
                        "SELECT count(*) FROM job WHERE metadata ->> 'periodic' = 'n' AND kind = 'changed'"))
                .isGreaterThanOrEqualTo(2);
        // What passed while it was disabled is left out.
        assertThat(database.queryLong("""
                SELECT count(*) FROM job WHERE kind = 'changed' AND scheduled_at < (SELECT updated_at FROM periodic WHERE name = 'n')
                """)).isZero();
    }

    @Test
    void start_definitionThatTheDatabaseRefuses_failsAndWritesNone() {
        assertThatThrownBy(() -> start(
                        true, job("a", EVERY_SECOND), job("b", EVERY_SECOND).options(o -> o.metadata("[]"))))
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("periodic_metadata_is_object");
        assertThat(database.queryLong("SELECT count(*) FROM periodic")).isZero();
    }

    @Test
    void start_again_keepsTheOperatorsPauseAndTakesTheNewDefinition() throws Exception {
        start(false, job("a", EVERY_SECOND));
        database.execute("SELECT disable_periodic('a')");
        start(true, job("a", Schedule.every(Duration.ofHours(1))).options(o -> o.queue("q")));

        assertThat(database.queryString(
                        "SELECT concat_ws('|', schedule, queue, source, paused_at IS NOT NULL) FROM periodic"))
                .isEqualTo("every PT1H|q|code|t");
    }
}
