package dev.millrace.examples.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.kagkarlsson.scheduler.SchedulerClient;
import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import org.jobrunr.jobs.mappers.JobMapper;
import org.jobrunr.scheduling.JobRequestScheduler;
import org.jobrunr.storage.sql.postgres.PostgresStorageProvider;
import org.jobrunr.utils.mapper.jackson3.Jackson3JsonMapper;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.quartz.Scheduler;
import org.quartz.impl.StdSchedulerFactory;

/** What docs/migrate-from.md says moves the jobs that another queue has left, as that queue wrote them. */
@PostgresTest
class MigrateFromTest {

    private static final String JOBS = """
            SELECT string_agg(concat_ws(' ', kind, args ->> 'to', state, queue, priority, attempt,
                round(extract(epoch FROM scheduled_at - now()) / 60)), ' | ' ORDER BY id) FROM job""";
    private static final String PERIODIC =
            "SELECT string_agg(concat_ws(' ', name, schedule, zone, kind, args ->> 'to'), ' | ') FROM periodic";

    private final TestDatabase database;

    MigrateFromTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void create() {
        PeerTables.create(database);
        database.execute("TRUNCATE job, periodic, unique_key, public.jobrunr_jobs, public.jobrunr_recurring_jobs");
    }

    /** Runs the blocks of the guide that read a table. */
    private void move(String table) {
        assertThat(Guides.blocks(Path.of("docs/migrate-from.md")).stream()
                        .filter(block ->
                                block.language().equals("sql") && block.text().contains(table))
                        .peek(block -> database.execute(block.text())))
                .isNotEmpty();
    }

    @Test
    void river_waitingJobs_keepStatePlaceAndHistory() {
        database.execute("""
                INSERT INTO public.river_job
                    (kind, args, metadata, state, scheduled_at, priority, attempt, queue, tags, finalized_at, errors) VALUES
                    ('send_email', '{"to": "a"}', '{"river:periodic_job_id": "digest"}', 'available', now(), 1, 0, 'default', '{}',
                        NULL, NULL),
                    ('send_email', '{"to": "b"}', '{"tenant": 7, "river:rescue_count": 1}', 'scheduled',
                        now() + interval '5 minutes', 4, 0, 'mail', '{vip}', NULL, NULL),
                    ('send_email', '{"to": "c"}', '{}', 'retryable', now() + interval '9 minutes', 2, 3, 'default', '{}', NULL,
                        ARRAY['{"at": "2027-01-31T12:00:00Z", "attempt": 3, "error": "no route", "trace": ""}']::jsonb[]),
                    ('send_email', '{"to": "d"}', '{}', 'completed', now(), 1, 1, 'default', '{}', now(), NULL)""");

        move("river_job");

        assertThat(database.queryString(JOBS))
                .isEqualTo("send_email a available default 1 0 0 | send_email b scheduled mail 4 0 5"
                        + " | send_email c retryable default 2 3 9");
        assertThat(database.queryString("SELECT errors -> 0 ->> 'message' FROM job WHERE state = 'retryable'"))
                .isEqualTo("no route");
        assertThat(database.queryString("SELECT string_agg(metadata::text, ' ') FROM job"))
                .isEqualTo("{\"tenant\": 7}");
        assertThat(database.queryString("SELECT string_agg(state::text, ' ') FROM public.river_job"))
                .isEqualTo("completed");
    }

    @Test
    void jobRunr_waitingAndRecurringJobs_areThere() {
        try (PostgresStorageProvider storage = new PostgresStorageProvider(database.dataSource())) {
            storage.setJobMapper(new JobMapper(new Jackson3JsonMapper()));
            new JobRunrBefore(new JobRequestScheduler(storage)).enqueue();
        }

        move("jobrunr_");

        assertThat(database.queryString(JOBS))
                .isEqualTo("send_email a@example.com available default 2 0 0"
                        + " | send_email b@example.com scheduled default 2 0 5");
        assertThat(database.queryString(PERIODIC)).isEqualTo("digest cron 0 9 * * * Europe/Berlin send_email all");
        assertThat(database.queryLong("SELECT count(*) FROM public.jobrunr_jobs"))
                .isZero();
    }

    @Test
    void jobRunr_runThatIsScheduledAhead_isLeftToThePeriodicJob() {
        try (PostgresStorageProvider storage = new PostgresStorageProvider(database.dataSource())) {
            storage.setJobMapper(new JobMapper(new Jackson3JsonMapper()));
            new JobRunrBefore(new JobRequestScheduler(storage)).enqueue();
            Instant now = Instant.now();
            storage.save(
                    storage.getRecurringJobs().iterator().next().toScheduledJobs(now, now.plus(Duration.ofHours(25))));
        }

        move("jobrunr_");

        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(2);
        assertThat(database.queryLong("SELECT count(*) FROM public.jobrunr_jobs WHERE trim(recurringjobid) = 'digest'"))
                .isPositive();
    }

    @Test
    void dbScheduler_jsonData_isMovedBySql() {
        new DbSchedulerBefore(database.dataSource(), new JsonSerializer()).enqueue();

        move("scheduled_tasks");

        assertThat(database.queryString(JOBS)).isEqualTo("send_email a@example.com scheduled default 2 0 5");
        assertThat(database.queryLong("SELECT count(*) FROM public.scheduled_tasks"))
                .isZero();
    }

    @Test
    void dbScheduler_anyData_isMovedByItsClient() {
        JsonSerializer serializer = new JsonSerializer();
        new DbSchedulerBefore(database.dataSource(), serializer).enqueue();
        SchedulerClient client = SchedulerClient.Builder.create(database.dataSource(), DbSchedulerBefore.SEND)
                .serializer(serializer)
                .build();
        database.execute("CREATE TABLE public.before AS TABLE public.scheduled_tasks");
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            MigrateSamples.moveFromDbScheduler(client, millrace);
            // As if it had broken off between the two.
            database.execute("INSERT INTO public.scheduled_tasks TABLE public.before; DROP TABLE public.before");
            MigrateSamples.moveFromDbScheduler(client, millrace);
        }

        assertThat(database.queryString(JOBS)).isEqualTo("send_email a@example.com scheduled default 2 0 5");
        assertThat(client.getScheduledExecutions()).isEmpty();
    }

    @Test
    void quartz_singleJobs_areMovedByItsScheduler() throws Exception {
        Properties properties = new Properties();
        properties.putAll(Map.of(
                "org.quartz.threadPool.threadCount",
                "1",
                "org.quartz.jobStore.class",
                "org.quartz.impl.jdbcjobstore.JobStoreTX",
                "org.quartz.jobStore.driverDelegateClass",
                "org.quartz.impl.jdbcjobstore.PostgreSQLDelegate",
                "org.quartz.jobStore.dataSource",
                "test",
                "org.quartz.dataSource.test.provider",
                "hikaricp",
                "org.quartz.dataSource.test.driver",
                "org.postgresql.Driver",
                "org.quartz.dataSource.test.URL",
                database.url()));
        Scheduler scheduler = new StdSchedulerFactory(properties).getScheduler();
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            new QuartzBefore(scheduler).enqueue();

            MigrateSamples.moveFromQuartz(scheduler, millrace);
        } finally {
            scheduler.shutdown();
        }
        move("qrtz_");

        assertThat(database.queryString(JOBS)).isEqualTo("send_email a@example.com scheduled default 2 0 5");
        assertThat(database.queryString(PERIODIC)).isEqualTo("digest cron 0 0 9 * * ? Europe/Berlin send_email all");
    }
}
