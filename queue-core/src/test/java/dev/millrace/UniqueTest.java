package dev.millrace;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.connection.PatientTimeouts;
import dev.millrace.enqueue.Enqueued;
import dev.millrace.enqueue.Enqueued.Outcome;
import dev.millrace.job.JobState;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.job.Unique;
import dev.millrace.job.Unique.Part;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class UniqueTest {

    record Order(int customer, String item) {}

    private static final JobType<Order> SHIP = JobType.of("ship", Order.class);
    private static final JobType<Order> BILL = JobType.of("bill", Order.class);

    private final TestDatabase database;
    private Millrace millrace;

    UniqueTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job, unique_key");
        millrace = Millrace.connect(Database.of(database.url()).withTimeouts(PatientTimeouts.PATIENT));
    }

    @AfterEach
    void close() {
        millrace.close();
    }

    private Enqueued ship(int customer, String item, Unique unique) {
        return millrace.offer(SHIP, new Order(customer, item), o -> o.unique(unique));
    }

    @Test
    void sameArgs_areSkippedAndNameTheOther() {
        Enqueued first = ship(1, "a", Unique.byArgs());
        Enqueued second = ship(1, "a", Unique.byArgs());

        assertThat(first.outcome()).isEqualTo(Outcome.INSERTED);
        assertThat(second).isEqualTo(new Enqueued(first.id(), Outcome.SKIPPED));
        assertThat(millrace.enqueue(SHIP, new Order(1, "a"), o -> o.unique(Unique.byArgs())))
                .isEqualTo(first.id());
        assertThat(ship(1, "b", Unique.byArgs()).isInserted()).isTrue();
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(2);
    }

    @Test
    void orderOfFields_doesNotMatter() {
        NewJob one =
                new NewJob("k", "{\"a\": 1, \"b\": [1, 2]}", SHIP.defaults().unique(Unique.byArgs()));
        NewJob other = new NewJob("k", "{\"b\":[1,2],\"a\":1}", SHIP.defaults().unique(Unique.byArgs()));

        assertThat(millrace.offer(one).isInserted()).isTrue();
        assertThat(millrace.offer(other).outcome()).isEqualTo(Outcome.SKIPPED);
    }

    @Test
    void keyParts_decideWhatIsTheSame() {
        assertThat(ship(1, "a", Unique.byKind()).isInserted()).isTrue();
        assertThat(ship(2, "b", Unique.byKind()).outcome()).isEqualTo(Outcome.SKIPPED);

        assertThat(ship(7, "a", Unique.byFields("customer")).isInserted()).isTrue();
        assertThat(ship(7, "b", Unique.byFields("customer")).outcome()).isEqualTo(Outcome.SKIPPED);
        assertThat(ship(8, "a", Unique.byFields("customer")).isInserted()).isTrue();

        assertThat(ship(1, "a", Unique.byWord("w")).isInserted()).isTrue();
        assertThat(ship(1, "b", Unique.byWord("w")).outcome()).isEqualTo(Outcome.SKIPPED);
        assertThat(millrace.offer(BILL, new Order(1, "a"), o -> o.unique(Unique.byWord("w")))
                        .isInserted())
                .isTrue();

        assertThat(ship(1, "a", Unique.byWord("x").acrossKinds()).isInserted()).isTrue();
        assertThat(millrace.offer(
                                BILL,
                                new Order(1, "a"),
                                o -> o.unique(Unique.byWord("x").acrossKinds()))
                        .outcome())
                .isEqualTo(Outcome.SKIPPED);

        Unique perQueue = Unique.byWord("y").perQueue();
        assertThat(ship(1, "a", perQueue).isInserted()).isTrue();
        assertThat(millrace.offer(
                                SHIP, new Order(1, "a"), o -> o.unique(perQueue).queue("other"))
                        .isInserted())
                .isTrue();
    }

    @Test
    void nestedField_isAPath() {
        Unique unique = Unique.byFields("customer.id");
        NewJob one = new NewJob(
                "k",
                "{\"customer\": {\"id\": 1, \"name\": \"a\"}}",
                SHIP.defaults().unique(unique));
        NewJob same = new NewJob(
                "k",
                "{\"customer\": {\"id\": 1, \"name\": \"b\"}}",
                SHIP.defaults().unique(unique));
        NewJob other =
                new NewJob("k", "{\"customer\": {\"id\": 2}}", SHIP.defaults().unique(unique));

        assertThat(List.of(millrace.offer(one), millrace.offer(same), millrace.offer(other)))
                .extracting(Enqueued::outcome)
                .containsExactly(Outcome.INSERTED, Outcome.SKIPPED, Outcome.INSERTED);
    }

    @Test
    void window_isThatOfWhenTheJobIsDue() {
        Unique hourly = Unique.byArgs().within(ofHours(1)).evenWhenFinal();
        java.time.Instant start = java.time.Instant.parse("2100-01-01T10:00:00Z");
        List<Outcome> outcomes = new ArrayList<>();
        for (int minutes : new int[] {0, 59, 60, 119, 120}) {
            outcomes.add(millrace.offer(
                            SHIP, new Order(1, "a"), o -> o.unique(hourly).at(start.plus(ofMinutes(minutes))))
                    .outcome());
        }

        assertThat(outcomes)
                .containsExactly(
                        Outcome.INSERTED, Outcome.SKIPPED, Outcome.INSERTED, Outcome.SKIPPED, Outcome.INSERTED);
    }

    @Test
    void skip_neitherLocksNorWritesTheOther() throws SQLException {
        long id = ship(1, "a", Unique.byArgs()).id();
        String before = database.queryString("SELECT ctid::text || xmin::text || xmax::text FROM job");
        try (Connection other = database.connect();
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("SELECT FROM millrace.job, millrace.unique_key FOR UPDATE");
            String locked = database.queryString("SELECT ctid::text || xmin::text || xmax::text FROM job");
            // Would wait for the lock, and fail by the lock timeout, if it touched either row.
            assertThat(ship(1, "a", Unique.byArgs())).isEqualTo(new Enqueued(id, Outcome.SKIPPED));
            assertThat(database.queryString("SELECT ctid::text || xmin::text || xmax::text FROM job"))
                    .isEqualTo(locked);
            other.rollback();
        }
        assertThat(before).isNotEmpty();
    }

    @Test
    void replace_changesWhatWaits_andKeepsItsPlace() {
        Unique byCustomer = Unique.byFields("customer");
        long id = ship(1, "a", byCustomer).id();
        String place = database.queryString("SELECT run_order FROM job");

        Enqueued second = millrace.offer(
                SHIP,
                new Order(1, "b"),
                o -> o.unique(byCustomer.replacing(Part.ARGS, Part.TAGS))
                        .tags("t")
                        .priority(4));

        assertThat(second).isEqualTo(new Enqueued(id, Outcome.REPLACED));
        assertThat(database.queryString("SELECT args ->> 'item' || priority || tags::text FROM job"))
                .isEqualTo("b2{t}");
        assertThat(database.queryString("SELECT run_order FROM job")).isEqualTo(place);
    }

    @Test
    void replace_ofARunningJob_skips() {
        long id = ship(1, "a", Unique.byKind()).id();
        move(id, "running");

        assertThat(ship(2, "b", Unique.byKind().replacing(Part.ARGS))).isEqualTo(new Enqueued(id, Outcome.SKIPPED));
        assertThat(database.queryString("SELECT args ->> 'item' FROM job")).isEqualTo("a");
    }

    @Test
    void debounce_pushesTheTime() {
        Unique quiet = Unique.byFields("customer").debounced().whileWaiting();
        Enqueued first =
                millrace.offer(SHIP, new Order(1, "a"), o -> o.unique(quiet).in(ofMinutes(5)));
        String due = database.queryString("SELECT scheduled_at FROM job");
        Enqueued second =
                millrace.offer(SHIP, new Order(1, "b"), o -> o.unique(quiet).in(ofMinutes(10)));

        assertThat(second).isEqualTo(new Enqueued(first.id(), Outcome.REPLACED));
        assertThat(database.queryLong("SELECT extract(epoch FROM scheduled_at - ?::timestamptz)::bigint FROM job", due))
                .isBetween(299L, 360L);
        assertThat(database.queryString("SELECT args ->> 'item' || state FROM job"))
                .isEqualTo("ascheduled");
    }

    @Test
    void rollback_freesTheKey_andWhoWaitedGetsIt() throws Exception {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try (Connection caller = database.connect()) {
            caller.setAutoCommit(false);
            millrace.offer(caller, SHIP, new Order(1, "a"), o -> o.unique(Unique.byArgs()));
            Future<Enqueued> waiting = thread.submit(() -> ship(1, "a", Unique.byArgs()));
            awaitSomebodyWaiting();
            caller.rollback();

            assertThat(waiting.get(10, TimeUnit.SECONDS).isInserted()).isTrue();
        } finally {
            thread.shutdownNow();
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(1);
    }

    @Test
    void commit_whileAnotherWaits_skipsIt() throws Exception {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try (Connection caller = database.connect()) {
            caller.setAutoCommit(false);
            long id = millrace.enqueue(caller, SHIP, new Order(1, "a"), o -> o.unique(Unique.byArgs()));
            Future<Enqueued> waiting = thread.submit(() -> ship(1, "a", Unique.byArgs()));
            awaitSomebodyWaiting();
            caller.commit();

            assertThat(waiting.get(10, TimeUnit.SECONDS)).isEqualTo(new Enqueued(id, Outcome.SKIPPED));
        } finally {
            thread.shutdownNow();
        }
    }

    @Test
    void eightProducersAtOnce_singlyAndInBulk_insertEachKeyOnce() throws Exception {
        int keys = 200;
        AtomicInteger inserted = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        long seed = System.nanoTime();
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int producer = 0; producer < 8; producer++) {
                Random random = new Random(seed + producer);
                boolean bulk = producer % 2 == 0;
                running.add(threads.submit(() -> {
                    List<Integer> order =
                            new ArrayList<>(IntStream.range(0, keys).boxed().toList());
                    Collections.shuffle(order, random);
                    if (bulk) {
                        Iterator<NewJob> jobs = millrace.newJobs(
                                SHIP.withDefaults(o -> o.unique(Unique.byArgs())),
                                order.stream().map(i -> new Order(i, "x")).iterator());
                        inserted.addAndGet((int) millrace.enqueueAll(jobs, id -> {}));
                    } else {
                        for (int i : order) {
                            if (ship(i, "x", Unique.byArgs()).isInserted()) {
                                inserted.incrementAndGet();
                            }
                        }
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(inserted).as("seed %s", seed).hasValue(keys);
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(keys);
        assertThat(database.queryLong("SELECT count(*) FROM unique_key k JOIN job j ON j.id = k.job_id"))
                .isEqualTo(keys);
    }

    @Test
    void bulk_mixedWithOthers_tellsIdsInOrder() {
        JobType<Order> unique = SHIP.withDefaults(o -> o.unique(Unique.byArgs()));
        long before = ship(2, "x", Unique.byArgs()).id();
        List<NewJob> jobs = new ArrayList<>();
        millrace.newJobs(SHIP, List.of(new Order(1, "x")).iterator()).forEachRemaining(jobs::add);
        millrace.newJobs(
                        unique,
                        List.of(new Order(2, "x"), new Order(3, "x"), new Order(3, "x"))
                                .iterator())
                .forEachRemaining(jobs::add);
        List<Long> ids = new ArrayList<>();

        long inserted = millrace.enqueueAll(jobs.iterator(), ids::add);

        assertThat(inserted).isEqualTo(2);
        assertThat(ids).hasSize(4);
        assertThat(ids.get(1)).isEqualTo(before);
        assertThat(ids.get(2)).isEqualTo(ids.get(3));
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE id = ANY (?)", (Object) ids.toArray(Long[]::new)))
                .isEqualTo(3);
    }

    @Test
    void bulk_onTablesVacuumedWhileEmpty_readsNoneOfThemWhole() throws SQLException {
        database.execute("VACUUM (ANALYZE) job_available, job_running, job_deferred, unique_key");
        try (Connection producer = database.connect();
                Statement statement = producer.createStatement()) {
            producer.setSchema(database.schema().value());
            producer.setAutoCommit(false);
            for (String half : List.of("1, 500", "300, 1000")) {
                statement.execute("SELECT count(*) FROM generate_series(" + half + ") AS n"
                        + " CROSS JOIN LATERAL enqueue('k', jsonb_build_object('n', n), unique_by => '{args.n}')");
            }
            try (ResultSet read = statement.executeQuery("SELECT sum(seq_tup_read) FROM pg_stat_xact_user_tables"
                    + " WHERE relname LIKE 'job%' OR relname = 'unique_key'")) {
                read.next();
                assertThat(read.getLong(1)).isZero();
            }
            producer.commit();
        }
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(1000);
    }

    @Test
    void deletedByHand_theKeyIsFree() {
        ship(1, "a", Unique.byArgs());
        database.execute("DELETE FROM job");

        assertThat(ship(1, "a", Unique.byArgs()).isInserted()).isTrue();
        assertThat(database.queryLong("SELECT count(*) FROM unique_key")).isEqualTo(1);
    }

    @Test
    void cancelAndDelete_freeTheKey_retryTakesItOrIsRefused() {
        long first = ship(1, "a", Unique.byArgs()).id();
        database.execute("SELECT cancel_jobs(ARRAY[?]::bigint[])", first);
        long second = ship(1, "a", Unique.byArgs()).id();
        assertThat(second).isNotEqualTo(first);

        assertThat(database.queryString("SELECT outcome FROM retry_jobs(ARRAY[?]::bigint[])", first))
                .isEqualTo("key_taken");
        database.execute("SELECT delete_jobs(ARRAY[?]::bigint[])", second);
        assertThat(database.queryString("SELECT outcome FROM retry_jobs(ARRAY[?]::bigint[])", first))
                .isEqualTo("retried");
        assertThat(ship(1, "a", Unique.byArgs())).isEqualTo(new Enqueued(first, Outcome.SKIPPED));
    }

    @Test
    void evenWhenFinal_holdsAfterCancel() {
        Unique ever = Unique.byArgs().evenWhenFinal();
        long id = ship(1, "a", ever).id();
        database.execute("SELECT cancel_jobs(ARRAY[?]::bigint[])", id);

        assertThat(ship(1, "a", ever)).isEqualTo(new Enqueued(id, Outcome.SKIPPED));
    }

    @Test
    void sqlAndJavaProducers_shareTheKey() {
        long id = database.queryLong(
                "SELECT id FROM enqueue('ship', '{\"item\": \"a\", \"customer\": 1}', unique_by => '{kind,args}')");

        assertThat(ship(1, "a", Unique.byArgs())).isEqualTo(new Enqueued(id, Outcome.SKIPPED));
    }

    @Test
    void badInput_saysWhatToDo() {
        assertThatThrownBy(() -> database.execute("SELECT enqueue('k', unique_by => '{nonsense}')"))
                .hasMessageContaining("unique_by {nonsense} is not possible")
                .hasMessageContaining("Use kind");
        assertThatThrownBy(() -> database.execute("SELECT enqueue('k', unique_by => '{kind}', on_conflict => 'x')"))
                .hasMessageContaining("It is one of skip, replace, debounce");
        assertThatThrownBy(
                        () -> database.execute(
                                "SELECT enqueue('k', unique_by => '{kind}', on_conflict => 'replace', replace => '{nonsense}') FROM generate_series(1, 2)"))
                .hasMessageContaining("nonsense");
        assertThatThrownBy(() -> Unique.byArgs().states(JobState.COMPLETED)).hasMessageContaining("add RUNNING");
        assertThatThrownBy(() -> Unique.byArgs().states(JobState.AVAILABLE)).hasMessageContaining("in any case");
        assertThatThrownBy(() -> Unique.byFields()).hasMessageContaining("name one");
        assertThatThrownBy(() -> Unique.byArgs().within(java.time.Duration.ofMillis(1)))
                .hasMessageContaining("1 s to");
        assertThatThrownBy(() -> database.execute("SELECT enqueue('k', unique_by => '{word}')"))
                .hasMessageContaining("Give unique_word");
        assertThatThrownBy(() -> database.execute("SELECT enqueue('k', unique_by => '{kind}', unique_for => '0')"))
                .hasMessageContaining("unique_for 00:00:00 is not positive");
        assertThat(database.queryLong("SELECT count(*) FROM job")).isZero();
    }

    /** Whoever changes the waiting job waits for the other; the last one's arguments are there in the end. */
    @Test
    void replaceByManyAtOnce_leavesOneJobThatIsOneOfThem() throws Exception {
        Unique latest = Unique.byKind().whileWaiting().replacing(Part.ARGS);
        AtomicInteger inserted = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int producer = 0; producer < 8; producer++) {
                int from = producer * 50;
                running.add(threads.submit(() -> {
                    for (int n = from; n < from + 50; n++) {
                        if (ship(n, "x", latest).isInserted()) {
                            inserted.incrementAndGet();
                        }
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(inserted).hasValue(1);
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(1);
        assertThat(database.queryLong("SELECT (args ->> 'customer')::int % 50 FROM job"))
                .isEqualTo(49);
    }

    /** A claim that takes the waiting job at that moment makes room for another; nothing is lost between the two. */
    @Test
    void debounceBesideAClaim_changesTheJobOrMakesAnother() throws Exception {
        Unique quiet = Unique.byKind().whileWaiting().debounced();
        long first = ship(1, "a", quiet).id();
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try (Connection claimer = database.connect();
                Statement statement = claimer.createStatement()) {
            claimer.setAutoCommit(false);
            statement.execute("SET search_path TO millrace");
            statement.execute("""
                    WITH gone AS (DELETE FROM job_available RETURNING *), freed AS (DELETE FROM unique_key)
                    INSERT INTO job_running (id, run_order, kind, args, state, attempted_by, attempted_at)
                    SELECT id, run_order, kind, args, 'running', 'w', now() FROM gone""");
            Future<Enqueued> debounced = thread.submit(() -> ship(1, "b", quiet));
            awaitSomebodyWaiting();
            claimer.commit();

            assertThat(debounced.get(10, TimeUnit.SECONDS).isInserted()).isTrue();
        } finally {
            thread.shutdownNow();
        }
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE id = ? AND state = 'running'", first))
                .isEqualTo(1);
        assertThat(database.queryLong("SELECT count(*) FROM job")).isEqualTo(2);
    }

    private void awaitSomebodyWaiting() {
        await().until(() -> database.queryLong("""
                        SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'""") == 1);
    }

    private void move(long id, String state) {
        database.execute("""
                WITH gone AS (DELETE FROM job WHERE id = ? RETURNING *)
                INSERT INTO job (id, kind, args, state, unique_key, unique_states, attempted_by, attempted_at)
                SELECT id, kind, args, ?, unique_key, unique_states, 'w', now() FROM gone
                """, id, state);
    }
}
