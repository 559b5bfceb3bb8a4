package dev.millrace.periodic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetryPolicy;
import dev.millrace.job.Unique;
import dev.millrace.periodic.PeriodicStatements.Added;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.SqlFailure;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** What can be done to periodic jobs through Java and through SQL. */
@PostgresTest
class PeriodicJobsTest {

    record Report(String to) {}

    private static final JobType<Report> REPORT =
            JobType.of("report", Report.class).withDefaults(o -> o.queue("reports"));
    private static final Schedule HOURLY = Schedule.every(Duration.ofHours(1));

    private final TestDatabase database;
    private Millrace millrace;
    private PeriodicJobs periodic;

    PeriodicJobsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, periodic, unique_key");
        millrace = Millrace.connect(Database.of(database.url()));
        periodic = millrace.periodic();
    }

    @AfterEach
    void close() {
        millrace.close();
    }

    private static PeriodicJob job(String name) {
        return PeriodicJob.of(name, HOURLY, REPORT, new Report("a"));
    }

    @Test
    void add_everything_isReadBackAsItWas() {
        periodic.add(PeriodicJob.of(
                        "nightly", Schedule.cron("0 3 * * *", ZoneId.of("Europe/Berlin")), REPORT, new Report("a"))
                .options(o -> o.priority(1)
                        .maxAttempts(3)
                        .timeout(Duration.ofMinutes(5))
                        .tags("t", "u")
                        .metadata("{\"m\": 1}")
                        .retryPolicy(RetryPolicy.fixed(Duration.ofSeconds(10))))
                .missed(MissedTicks.ALL));

        assertThat(periodic.list())
                .containsExactly(new PeriodicEntry(
                        "nightly",
                        "cron 0 3 * * *",
                        "Europe/Berlin",
                        "report",
                        "{\"to\": \"a\"}",
                        "reports",
                        1,
                        3,
                        Duration.ofMinutes(5),
                        List.of("t", "u"),
                        "{\"m\": 1}",
                        "fixed 10s",
                        MissedTicks.ALL,
                        false,
                        true,
                        null,
                        null,
                        null));
        assertThat(periodic.find("nightly")).isPresent();
        assertThat(periodic.find("nobody")).isEmpty();
    }

    @Test
    void add_again_saysWhatChanged() {
        assertThat(periodic.add(job("n"))).isEqualTo(Added.ADDED);
        String before = state();
        assertThat(periodic.add(job("n"))).isEqualTo(Added.UNCHANGED);
        assertThat(state()).isEqualTo(before);
        assertThat(periodic.add(job("n").options(o -> o.priority(1)))).isEqualTo(Added.REPLACED);
        assertThat(periodic.list()).hasSize(1);
    }

    /** All that a definition that did not change must leave alone. */
    private String state() {
        return String.valueOf(database.queryString("SELECT p::text FROM periodic AS p"));
    }

    @Test
    void add_otherArgs_keepsWhatWasPlanned_otherScheduleBeginsAnew() {
        periodic.add(job("n"));
        database.execute(
                "UPDATE periodic SET planned_after = now() - interval '1 day', next_tick_at = now() - interval '23 hours', last_tick_at = planned_after, error = 'e'");

        periodic.add(job("n").options(o -> o.priority(1)));
        assertThat(
                        database.queryLong(
                                "SELECT count(*) FROM periodic WHERE planned_after < now() - interval '23 hours' AND isfinite(next_tick_at)"))
                .isOne();

        periodic.add(PeriodicJob.of("n", Schedule.every(Duration.ofHours(2)), REPORT, new Report("a")));
        assertThat(database.queryLong("""
                SELECT count(*) FROM periodic
                WHERE planned_after > now() - interval '1 minute' AND next_tick_at = '-infinity' AND error IS NULL AND last_tick_at IS NOT NULL
                """)).isOne();
    }

    @Test
    void disable_holdsThroughANewDefinition_enableBeginsAnew() {
        periodic.add(job("n"));
        database.execute("UPDATE periodic SET planned_after = now() - interval '1 day'");

        assertThat(periodic.disable("n")).isTrue();
        periodic.add(job("n").options(o -> o.priority(1)));
        assertThat(periodic.list()).extracting(PeriodicEntry::enabled).containsExactly(false);
        assertThat(periodic.enable("n")).isTrue();

        assertThat(periodic.list()).extracting(PeriodicEntry::enabled).containsExactly(true);
        assertThat(database.queryLong(
                        "SELECT count(*) FROM periodic WHERE planned_after > now() - interval '1 minute'"))
                .isOne();
        assertThat(periodic.enable("nobody")).isFalse();
        assertThat(periodic.disable("nobody")).isFalse();
    }

    @Test
    void enable_ofWhatIsEnabled_losesNoTick() {
        periodic.add(job("n"));
        database.execute("UPDATE periodic SET planned_after = now() - interval '1 day'");
        String before = state();

        assertThat(periodic.enable("n")).isTrue();

        assertThat(state()).isEqualTo(before);
    }

    @Test
    void remove_twice_isThereOnce() {
        periodic.add(job("n"));
        assertThat(periodic.remove("n")).isTrue();
        assertThat(periodic.remove("n")).isFalse();
        assertThat(periodic.list()).isEmpty();
    }

    @Test
    void runNow_isAJobAndNoTick() throws SQLException {
        periodic.add(job("n").options(o -> o.priority(1).tags("t").metadata("{\"m\": 1}")));
        periodic.disable("n");
        String before = state();
        try (Connection listener = database.connect()) {
            listener.createStatement().execute("LISTEN millrace");

            long id = periodic.runNow("n");
            long second = periodic.runNow("n");

            assertThat(second).isGreaterThan(id);
            PGNotification[] woken = listener.unwrap(PGConnection.class).getNotifications(10_000);
            assertThat(woken[0].getParameter()).isEqualTo("available reports");
            assertThat(database.queryString(
                            "SELECT concat_ws('|', kind, args, queue, priority, tags, metadata, state) FROM job WHERE id = ?",
                            id))
                    .isEqualTo("report|{\"to\": \"a\"}|reports|1|{t}|{\"m\": 1, \"periodic\": \"n\"}|available");
        }
        assertThat(state()).isEqualTo(before);
        assertThatThrownBy(() -> periodic.runNow("nobody"))
                .isInstanceOf(PeriodicException.class)
                .hasMessage("There is no periodic job 'nobody'");
    }

    @Test
    void add_definedInCode_isRefusedAndMayBeDisabledOrRemoved() {
        database.execute("SELECT add_periodic('n', 'every PT1H', 'k', source => 'code')");

        assertThatThrownBy(() -> periodic.add(job("n")))
                .isInstanceOf(PeriodicException.class)
                .hasMessageContaining("Periodic job 'n' is defined in code, which would change it back");
        assertThat(periodic.list()).extracting(PeriodicEntry::inCode).containsExactly(true);
        assertThat(periodic.disable("n")).isTrue();
        assertThat(periodic.remove("n")).isTrue();
    }

    @Test
    void add_inCode_takesOverWhatTheDatabaseHad() {
        periodic.add(job("n"));
        database.execute("SELECT add_periodic('n', 'every PT1H', 'k', source => 'code')");

        assertThat(periodic.list()).extracting(PeriodicEntry::inCode).containsExactly(true);
    }

    @Test
    void add_customSchedule_isForWorkers() {
        assertThatThrownBy(() -> periodic.add(PeriodicJob.of("n", after -> null, REPORT, new Report("a"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("give it to Worker.Builder.periodic");
    }

    @Test
    void job_whatCanNotBe_isRefused() {
        assertThatThrownBy(() -> job("")).hasMessageContaining("use 1 to 128 characters");
        assertThatThrownBy(() -> job("x".repeat(129))).hasMessageContaining("use 1 to 128 characters");
        assertThatThrownBy(() -> job("a\0b")).hasMessageContaining("no NUL");
        assertThatThrownBy(() -> job("n").options(o -> o.in(Duration.ofHours(1))))
                .hasMessageContaining("its schedule says that");
        assertThatThrownBy(() -> job("n").options(o -> o.unique(Unique.byArgs())))
                .hasMessageContaining("unique by name and tick");
        assertThatThrownBy(() ->
                        periodic.add(PeriodicJob.of("n", HOURLY, new NewJob("k", "{no json", EnqueueOptions.DEFAULTS))))
                .isInstanceOf(PeriodicException.class)
                .hasMessageContaining("invalid input syntax for type json");
    }

    @Test
    void odd_names_areJustNames() {
        for (String name : List.of("' OR true --", "ä😀", "a b", "%s", "x".repeat(128))) {
            periodic.add(job(name));
            assertThat(periodic.runNow(name)).isPositive();
            assertThat(periodic.disable(name)).isTrue();
            assertThat(periodic.remove(name)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            'n', 'daily', 'k'                                 | periodic_schedule_is_cron_or_every_or_code
            'n', 'cron 1 2 3', 'k'                            | periodic_schedule_is_cron_or_every_or_code
            'n', 'every', 'k'                                 | periodic_schedule_is_cron_or_every_or_code
            'n', concat('cron ', repeat('0,', 500), '0 * * * *'), 'k' | periodic_schedule_is_cron_or_every_or_code
            'n', 'code', 'k'                                  | periodic_schedule_code_needs_source_code
            '', 'every 1h', 'k'                               | periodic_name_1_to_128_characters
            'n', 'every 1h', ''                               | periodic_kind_1_to_128_characters
            'n', 'every 1h', 'k', queue => ''                 | periodic_queue_1_to_128_characters
            'n', 'every 1h', 'k', priority => 5               | periodic_priority_1_to_4
            'n', 'every 1h', 'k', max_attempts => 0           | periodic_max_attempts_at_least_1
            'n', 'every 1h', 'k', timeout => '0 s'            | periodic_timeout_positive
            'n', 'every 1h', 'k', metadata => '[]'            | periodic_metadata_is_object
            'n', 'every 1h', 'k', missed => 'some'            | periodic_missed_known
            'n', 'every 1h', 'k', source => 'me'              | periodic_source_known
            'n', 'cron @daily', 'k', zone => 'Europe/Atlantis' | time zone "Europe/Atlantis" not recognized
            NULL, 'every 1h', 'k'                             | null value in column "name"
            """)
    void addPeriodic_whatCanNotBe_isRefusedByName(String args, String error) {
        assertThatThrownBy(() -> database.execute("SELECT add_periodic(" + args + ")"))
                .isInstanceOf(SqlFailure.class)
                .hasStackTraceContaining(error);
    }

    @Test
    void addPeriodic_fromSql_isTheSameAsFromJava() {
        periodic.add(job("java"));
        Map<String, Object> java = fields("java");
        database.execute("SELECT add_periodic('sql', 'every PT1H', 'report', '{\"to\": \"a\"}', queue => 'reports')");

        assertThat(fields("sql")).isEqualTo(java);
    }

    private Map<String, Object> fields(String name) {
        return database.query(
                        "SELECT to_jsonb(p) - '{name,planned_after,created_at,updated_at}'::text[] AS fields FROM periodic AS p WHERE name = ?",
                        name)
                .get(0);
    }

    @Test
    void upcoming_isByTheClockOfTheDatabase() {
        assertThat(periodic.upcoming(HOURLY, 2))
                .hasSize(2)
                .first()
                .satisfies(
                        tick -> assertThat(tick.toString())
                                .isEqualTo(
                                        database.queryString(
                                                "SELECT to_char(date_trunc('hour', now() + interval '1 hour', 'UTC') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")));
    }
}
