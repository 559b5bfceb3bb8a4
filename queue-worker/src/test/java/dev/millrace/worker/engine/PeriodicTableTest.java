package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.migrations.SchemaName;
import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.Schedule;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** The one statement that makes a tick happen once: against itself, against what is cut off in the middle, and against operators. */
@PostgresTest
class PeriodicTableTest {

    private static final String[] NONE = {};

    private final TestDatabase database;
    private final PeriodicTable table = new PeriodicTable(SchemaName.DEFAULT);

    PeriodicTableTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, periodic, unique_key");
    }

    /** An entry whose ticks of the last hours have not been dealt with. */
    private void behind(String name, String schedule, String missed, String interval) {
        database.execute(
                "INSERT INTO periodic (name, schedule, kind, missed, planned_after) VALUES (?, ?, 'k', ?, clock_timestamp() - ?::interval)",
                name,
                schedule,
                missed,
                interval);
    }

    private PeriodicTable.Entry due(Connection connection) throws SQLException {
        return table.due(connection, NONE, true).get(0);
    }

    private static TickPlan plan(PeriodicTable.Entry entry) {
        return TickPlan.of(
                Schedule.parse(entry.schedule(), entry.zone()), entry.plannedAfter(), entry.now(), entry.missed());
    }

    private long jobs() {
        return database.queryLong("SELECT count(*) FROM job");
    }

    @Test
    void advance_dueTicks_areJobsThatSayTheirTick() throws SQLException {
        database.execute("""
                INSERT INTO periodic (name, schedule, kind, args, queue, priority, max_attempts, timeout, tags, metadata, retry_policy, missed,
                    planned_after)
                VALUES ('n', 'every 1h', 'k', '[1]', 'q', 1, 3, '5 min', '{t}', '{"m": 1}', 'fixed 10s', 'all',
                    date_trunc('hour', now(), 'UTC') - interval '2 hours 1 second')
                """);
        try (Connection connection = database.connect();
                Connection listener = database.connect()) {
            listener.createStatement().execute("LISTEN millrace");
            PeriodicTable.Entry entry = due(connection);

            assertThat(table.advance(connection, entry, plan(entry))).isTrue();

            assertThat(database.queryLong("""
                    SELECT count(*) FROM job
                    WHERE kind = 'k' AND args = '[1]' AND queue = 'q' AND priority = 1 AND max_attempts = 3 AND timeout = '5 min'
                        AND tags = '{t}' AND retry_policy = 'fixed 10s' AND state = 'available' AND metadata ->> 'm' = '1'
                        AND metadata ->> 'periodic' = 'n' AND (metadata ->> 'tick')::timestamptz = scheduled_at
                        AND unique_key = periodic_key('n', scheduled_at) AND id IN (SELECT job_id FROM unique_key)
                    """)).isEqualTo(3);
            // In order, each at the tail of its lane.
            assertThat(
                            database.queryString(
                                    "SELECT string_agg((extract(epoch FROM date_trunc('hour', now(), 'UTC') - scheduled_at) / 3600)::int::text, ' ' ORDER BY run_order) FROM job"))
                    .isEqualTo("2 1 0");
            assertThat(
                            database.queryLong(
                                    "SELECT count(*) FROM periodic WHERE last_tick_at = planned_after AND next_tick_at = last_tick_at + interval '1 hour'"))
                    .isOne();
            PGNotification[] woken = listener.unwrap(PGConnection.class).getNotifications(10_000);
            assertThat(woken).hasSize(1);
            assertThat(woken[0].getParameter()).isEqualTo("available q");
        }
    }

    @Test
    void advance_twoLeadersThatReadTheSame_onlyOneEnqueues() throws Exception {
        behind("n", "every 1h", "all", "30 hours");
        try (Connection one = database.connect();
                Connection two = database.connect()) {
            PeriodicTable.Entry first = due(one);
            PeriodicTable.Entry second = due(two);

            assertThat(table.advance(one, first, plan(first))).isTrue();
            assertThat(table.advance(two, second, plan(second))).isFalse();
        }
        assertThat(jobs()).isEqualTo(30);
    }

    @Test
    void advance_manyLeadersAtOnce_eachTickOnce() throws Exception {
        for (int i = 0; i < 20; i++) {
            behind("n" + i, "every 1m", "all", "200 minutes");
        }
        int leaders = 6;
        CyclicBarrier barrier = new CyclicBarrier(leaders);
        ExecutorService executor = Executors.newFixedThreadPool(leaders);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < leaders; i++) {
                running.add(executor.submit(() -> {
                    try (Connection connection = database.connect()) {
                        barrier.await();
                        List<PeriodicTable.Entry> entries = table.due(connection, NONE, true);
                        while (!entries.isEmpty()) {
                            for (PeriodicTable.Entry entry : entries) {
                                table.advance(connection, entry, plan(entry));
                            }
                            entries = table.due(connection, NONE, true);
                        }
                        return null;
                    }
                }));
            }
            for (Future<?> leader : running) {
                leader.get(60, TimeUnit.SECONDS);
            }
        } finally {
            executor.shutdown();
        }
        assertThat(database.queryLong("""
                SELECT count(*) FROM (SELECT metadata ->> 'periodic', scheduled_at FROM job GROUP BY 1, 2 HAVING count(*) <> 1) AS doubled
                """)).isZero();
        assertThat(
                        database.queryString(
                                "SELECT min(n) || ' ' || max(n) FROM (SELECT count(*) AS n FROM job GROUP BY metadata ->> 'periodic') AS c"))
                .isIn("200 200", "200 201", "201 201");
    }

    @Test
    void advance_killedBeforeItsCommit_leavesNothingAndTheNextLeaderDoesIt() throws Exception {
        behind("n", "every 1h", "all", "3 hours");
        try (Connection killed = database.connect()) {
            killed.setAutoCommit(false);
            PeriodicTable.Entry entry = due(killed);
            assertThat(table.advance(killed, entry, plan(entry))).isTrue();
            // A second leader does not wait for the one that hangs.
            try (Connection next = database.connect()) {
                PeriodicTable.Entry same = due(next);
                assertThat(table.advance(next, same, plan(same))).isFalse();
            }
            assertThat(jobs()).isZero();
            database.execute(
                    "SELECT pg_terminate_backend(?, 10000)",
                    killed.unwrap(PGConnection.class).getBackendPID());
            assertThatThrownBy(killed::commit).isInstanceOf(SQLException.class);
        }
        assertThat(database.queryLong("SELECT count(*) FROM unique_key")).isZero();
        assertThat(database.queryLong("SELECT count(*) FROM periodic WHERE last_tick_at IS NULL"))
                .isOne();

        try (Connection next = database.connect()) {
            PeriodicTable.Entry entry = due(next);
            assertThat(table.advance(next, entry, plan(entry))).isTrue();
        }
        assertThat(jobs()).isEqualTo(3);
    }

    @Test
    void advance_changedMeanwhile_doesNothing() throws SQLException {
        for (String change : List.of(
                "UPDATE periodic SET schedule = 'every 2h'",
                "UPDATE periodic SET zone = 'Europe/Berlin'",
                "SELECT disable_periodic('n')",
                "SELECT disable_periodic('n'), enable_periodic('n')",
                "SELECT remove_periodic('n')",
                "SELECT remove_periodic('n'), add_periodic('n', 'every 1h', 'k')")) {
            empty();
            behind("n", "every 1h", "all", "3 hours");
            try (Connection connection = database.connect()) {
                PeriodicTable.Entry entry = due(connection);
                database.execute(change);

                assertThat(table.advance(connection, entry, plan(entry)))
                        .as(change)
                        .isFalse();
            }
            assertThat(jobs()).as(change).isZero();
        }
    }

    @Test
    void advance_changeOfScheduleUnderWay_isNotWaitedForAndWins() throws Exception {
        behind("n", "every 1h", "all", "3 hours");
        try (Connection operator = database.connect();
                Connection leader = database.connect()) {
            PeriodicTable.Entry entry = due(leader);
            operator.setAutoCommit(false);
            operator.createStatement().execute("UPDATE millrace.periodic SET schedule = 'every 2h'");

            assertThat(table.advance(leader, entry, plan(entry))).isFalse();
            operator.commit();

            PeriodicTable.Entry changed = due(leader);
            assertThat(changed.schedule()).isEqualTo("every 2h");
            // What the new schedule promises begins with the change: nothing is due.
            assertThat(plan(changed).ticks()).isEmpty();
        }
    }

    @Test
    void advance_tickThatRanBefore_isNotRepeatedThoughTheEntryIsNew() throws SQLException {
        for (int round = 0; round < 2; round++) {
            database.execute("SELECT remove_periodic('n')");
            behind("n", "every 1h", "all", "3 hours");
            try (Connection connection = database.connect()) {
                PeriodicTable.Entry entry = due(connection);
                assertThat(table.advance(connection, entry, plan(entry))).isTrue();
            }
        }
        assertThat(jobs()).isEqualTo(3);
    }

    @Test
    void key_inAnyTimeZoneOfTheSession_isTheSame() {
        String key = "SELECT encode(periodic_key('n', '2027-01-01T00:00:00.000001Z'), 'hex')";
        assertThat(database.queryString("SELECT set_config('TimeZone', 'Asia/Tokyo', false), (" + key + ")"))
                .isEqualTo("Asia/Tokyo");
        assertThat(database.query("SELECT set_config('TimeZone', 'Asia/Tokyo', false), (" + key + ") AS key")
                        .get(0)
                        .get("key"))
                .isEqualTo(database.queryString(key));
        assertThat(database.queryLong("SELECT length(periodic_key('n', now()))"))
                .isEqualTo(16);
    }

    @Test
    void look_isUntilTheFirstThatIsMine() throws SQLException {
        try (Connection connection = database.connect()) {
            assertThat(table.look(connection, NONE, true)).isEqualTo(Long.MAX_VALUE);
            database.execute("""
                    INSERT INTO periodic (name, schedule, kind, source, paused_at, next_tick_at) VALUES
                        ('off', 'every 1h', 'k', 'database', now(), now()), ('own', 'code', 'k', 'code', NULL, now()),
                        ('ended', 'every 1h', 'k', 'database', NULL, 'infinity'),
                        ('later', 'every 1h', 'k', 'database', NULL, now() + interval '1 hour')
                    """);
            assertThat(table.look(connection, NONE, true)).isBetween(3_500_000L, 3_600_000L);
            assertThat(table.due(connection, NONE, true)).isEmpty();
            assertThat(table.look(connection, new String[] {"own"}, false)).isNegative();
            assertThat(table.due(connection, new String[] {"own"}, true))
                    .extracting(PeriodicTable.Entry::name)
                    .containsExactly("own");
            assertThat(table.look(connection, NONE, false)).isEqualTo(Long.MAX_VALUE);
        }
    }

    @Test
    void plan_isByTheClockOfTheDatabase() throws SQLException {
        behind("n", "every 1h", "one", "1 minute");
        try (Connection connection = database.connect()) {
            Instant before = Instant.parse(iso(database));
            Instant now = due(connection).now();
            assertThat(now).isBetween(before, Instant.parse(iso(database)));
            assertThat(MissedTicks.ONE).isEqualTo(due(connection).missed());
            assertThat(Duration.between(due(connection).plannedAfter(), now)).isGreaterThan(Duration.ofSeconds(59));
        }
    }

    private static String iso(TestDatabase database) {
        return String.valueOf(database.queryString(
                "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"));
    }
}
