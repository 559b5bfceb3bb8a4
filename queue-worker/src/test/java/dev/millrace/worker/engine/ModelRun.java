package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.job.JobState;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One seeded run: picks operations, does each in the database and in the model, and compares. */
final class ModelRun implements AutoCloseable {

    /** Kinds of operations; each must have come up in a run of any length. */
    static final int OPERATIONS = 21;

    private static final int POPULATION = 40;
    private static final String[] WORKERS = {"w1", "w2", "w3"};

    private static final String[] WORDS = {"a", "b", "c"};
    private static final List<Set<JobState>> UNIQUE_STATES = List.of(
            EnumSet.noneOf(JobState.class),
            EnumSet.of(JobState.RUNNING),
            EnumSet.of(JobState.RUNNING, JobState.COMPLETED),
            EnumSet.of(JobState.RUNNING, JobState.COMPLETED, JobState.CANCELLED, JobState.DISCARDED));

    /** Longer than any run of steps, and less than what is taken for a clock that was set back. */
    private static final Duration LEAD = LeaderTable.MAX_LEAD.multipliedBy(2).minusSeconds(1);

    private final SplittableRandom random;
    private final Connection connection;
    private final Connection second;
    private final JobTable table;
    private final MaintenanceTable maintenance;
    private final WorkerTable workers;
    private final LeaderTable leaders;
    private final QueueModel model = new QueueModel();
    /** Leases that a worker believes it has; it forgets none, so that it comes back with old ones. */
    private final List<LeasedJob> leases = new ArrayList<>();

    private final Map<String, Integer> counts = new TreeMap<>();
    private final Map<Long, Long> lastTokens = new HashMap<>();
    private @Nullable List<LeasedJob> open;
    private String openWorker = "";
    private String last = "";
    private String leader = "";
    private String lastLeader = "";
    private long term;
    private long enqueued;

    ModelRun(TestDatabase database, SchemaName schema, long seed) throws SQLException {
        this.random = new SplittableRandom(seed);
        this.connection = database.connect();
        this.second = database.connect();
        for (Connection each : List.of(connection, second)) {
            try (Statement statement = each.createStatement()) {
                statement.execute("SET search_path TO " + schema.quoted());
                statement.execute("SET plan_cache_mode TO force_custom_plan");
                // A step that has to wait for another would wait for ever: there is one thread.
                statement.execute("SET lock_timeout TO '5s'");
            }
        }
        second.setAutoCommit(false);
        this.table = new JobTable(schema);
        this.maintenance = new MaintenanceTable(schema);
        this.workers = new WorkerTable(schema);
        this.leaders = new LeaderTable(schema);
        for (String worker : WORKERS) {
            workers.register(connection, worker, Duration.ofHours(1), WorkerTable.Report.NOTHING);
        }
    }

    String last() {
        return last;
    }

    int kindsOfOperations() {
        return counts.size();
    }

    String summary() {
        return counts + ", " + enqueued + " jobs";
    }

    void step() throws SQLException {
        long alive = model.jobs.size();
        last = pick(alive);
        counts.merge(last, 1, Integer::sum);
        check();
    }

    private String pick(long alive) throws SQLException {
        int dice = random.nextInt(100);
        if (alive < 5 || (dice < 22 && alive < POPULATION)) {
            return random.nextInt(3) == 0 ? enqueueUnique() : enqueue();
        } else if (dice < 38) {
            return claim();
        } else if (dice < 41) {
            return claimOpenly();
        } else if (dice < 43) {
            return endOpenClaim();
        } else if (dice < 65) {
            return outcome();
        } else if (dice < 68) {
            return operators("cancel");
        } else if (dice < 72) {
            return operators("retry");
        } else if (dice < 75) {
            return operators("edit");
        } else if (dice < 83) {
            return operators("delete");
        } else if (dice < 85) {
            return pause();
        } else if (dice < 88) {
            return timePasses();
        } else if (dice < 93) {
            return promote();
        } else if (dice < 95) {
            return workerDies();
        } else if (dice < 98) {
            return rescue();
        }
        return lead();
    }

    private String enqueue() throws SQLException {
        boolean later = random.nextInt(3) == 0;
        int priority = 1 + random.nextInt(4);
        int max = 1 + random.nextInt(3);
        long id = number(
                "SELECT id FROM enqueue('k', priority => ?, max_attempts => ?, scheduled_at => CASE WHEN ? THEN now() + interval '1 day' END)",
                priority,
                max,
                later);
        model.enqueue(id, later, priority, max, null, Set.of());
        enqueued++;
        return later ? "enqueue later" : "enqueue";
    }

    private String enqueueUnique() throws SQLException {
        String word = WORDS[random.nextInt(WORDS.length)];
        Set<JobState> states = UNIQUE_STATES.get(random.nextInt(UNIQUE_STATES.size()));
        boolean rollback = random.nextInt(10) == 0;
        if (model.isLocked(word)) {
            return endOpenClaim();
        }
        Long holder = model.keys.get(word);
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT id, outcome FROM enqueue('k', max_attempts => 2, unique_by => '{word}', unique_word => ?, unique_states => ?)")) {
            statement.setString(1, word);
            statement.setArray(
                    2,
                    connection.createArrayOf(
                            "text", states.stream().map(JobState::sql).toArray()));
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                long id = row.getLong(1);
                assertThat(row.getString(2)).isEqualTo(holder == null ? "inserted" : "skipped");
                if (holder != null) {
                    assertThat(id).isEqualTo(holder);
                } else if (!rollback) {
                    model.enqueue(id, false, 2, 2, word, states);
                    enqueued++;
                }
            }
        } finally {
            if (rollback) {
                connection.rollback();
            }
            connection.setAutoCommit(true);
        }
        return "enqueue unique";
    }

    private String claim() throws SQLException {
        String worker = WORKERS[random.nextInt(WORKERS.length)];
        int limit = 1 + random.nextInt(5);
        List<ModelJob> expected = model.claimable(limit);
        boolean dies = random.nextInt(10) == 0;
        connection.setAutoCommit(false);
        List<LeasedJob> claimed = claim(connection, worker, limit);
        if (dies && random.nextBoolean()) {
            connection.rollback();
            connection.setAutoCommit(true);
            return "claim";
        }
        connection.setAutoCommit(true);
        claimed(expected, claimed, worker);
        if (!dies) {
            leases.addAll(claimed);
        }
        return "claim";
    }

    private List<LeasedJob> claim(Connection on, String worker, int limit) throws SQLException {
        return table.claim(
                on, "default", on.createArrayOf("text", new String[] {"k"}), limit, new Floors().sweep(), worker);
    }

    private void claimed(List<ModelJob> expected, List<LeasedJob> claimed, String worker) {
        assertThat(claimed)
                .extracting(LeasedJob::id)
                .containsExactlyElementsOf(expected.stream().map(job -> job.id).toList());
        for (LeasedJob lease : claimed) {
            ModelJob job = model.jobs.get(lease.id());
            assertThat(lease.token()).isEqualTo(job.runOrder);
            assertThat(lastTokens.merge(lease.id(), lease.token(), (before, now) -> now > before ? now : -1))
                    .as("tokens only grow")
                    .isPositive();
            model.claimed(job, worker);
            assertThat(lease.attempt()).isEqualTo(job.attempt);
        }
    }

    /** Claims in a transaction that stays open while others go on. */
    private String claimOpenly() throws SQLException {
        if (open != null) {
            return endOpenClaim();
        }
        openWorker = WORKERS[random.nextInt(WORKERS.length)];
        List<ModelJob> expected = model.claimable(3);
        List<LeasedJob> claimed = claim(second, openWorker, 3);
        assertThat(claimed)
                .extracting(LeasedJob::id)
                .containsExactlyElementsOf(expected.stream().map(job -> job.id).toList());
        expected.forEach(job -> job.locked = true);
        open = claimed;
        return "claim openly";
    }

    private String endOpenClaim() throws SQLException {
        List<LeasedJob> claimed = open;
        if (claimed == null) {
            return claim();
        }
        open = null;
        List<ModelJob> locked =
                claimed.stream().map(lease -> model.jobs.get(lease.id())).toList();
        locked.forEach(job -> job.locked = false);
        if (random.nextBoolean()) {
            second.rollback();
        } else {
            second.commit();
            claimed(locked, claimed, openWorker);
            leases.addAll(claimed);
        }
        return "end open claim";
    }

    /** Outcomes of leases that stand or fell long ago, alone or in a batch; some are lost before their commit, or said twice. */
    private String outcome() throws SQLException {
        if (leases.isEmpty()) {
            return claim();
        }
        Map<Long, LeasedJob> batch = new HashMap<>();
        for (int i = random.nextInt(4); i >= 0; i--) {
            LeasedJob lease = leases.get(random.nextInt(leases.size()));
            batch.putIfAbsent(lease.id(), lease);
        }
        List<LeasedJob> chosen = List.copyOf(batch.values());
        List<LeasedJob> standing = chosen.stream().filter(model::holds).toList();
        boolean lost = random.nextInt(10) == 0;
        connection.setAutoCommit(false);
        ModelOutcome what = ModelOutcome.values()[random.nextInt(ModelOutcome.values().length)];
        Set<Long> changed = what.write(table, connection, chosen);
        assertThat(changed)
                .containsExactlyInAnyOrderElementsOf(
                        standing.stream().map(LeasedJob::id).toList());
        if (lost) {
            connection.rollback();
        }
        connection.setAutoCommit(true);
        if (!lost) {
            standing.forEach(lease -> what.apply(model, lease.id()));
        }
        if (leases.size() > 60) {
            leases.removeIf(lease -> !model.holds(lease) && random.nextInt(3) > 0);
        }
        return what.name();
    }

    private String operators(String what) throws SQLException {
        Set<Long> ids = new java.util.TreeSet<>();
        List<Long> known = List.copyOf(model.jobs.keySet());
        for (int i = random.nextInt(3); i >= 0; i--) {
            long id = random.nextInt(20) == 0 ? -1 : known.get(random.nextInt(known.size()));
            ModelJob job = model.jobs.get(id);
            // Retried together, two jobs may want one key: which gets it is not said.
            if ((job == null || (!job.locked && !model.isLocked(job.word)))
                    && (!what.equals("retry") || ids.isEmpty())) {
                ids.add(id);
            }
        }
        int priority = 1 + random.nextInt(4);
        Map<Long, String> expected = new TreeMap<>();
        for (long id : ids) {
            expected.put(
                    id,
                    switch (what) {
                        case "cancel" -> model.cancel(id);
                        case "retry" -> model.retry(id);
                        case "edit" -> model.edit(id, priority);
                        default -> model.delete(id);
                    });
        }
        String more = what.equals("edit") ? ", jsonb_build_object('priority', " + priority + ")" : "";
        Map<Long, String> outcomes = new TreeMap<>();
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT id, outcome FROM " + what + "_jobs(?" + more + ")")) {
            statement.setArray(1, connection.createArrayOf("bigint", ids.toArray()));
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    assertThat(outcomes.put(row.getLong(1), row.getString(2))).isNull();
                }
            }
        }
        assertThat(outcomes).isEqualTo(expected);
        return what;
    }

    private String pause() throws SQLException {
        model.paused = !model.paused && random.nextInt(3) == 0;
        number("SELECT 1 FROM " + (model.paused ? "pause" : "resume") + "_queue('default')");
        return "pause or resume";
    }

    private String timePasses() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("UPDATE job_deferred SET scheduled_at = now() - interval '1 second'");
        }
        model.jobs.values().forEach(job -> job.due = true);
        return "time passes";
    }

    private String promote() throws SQLException {
        List<ModelJob> due = model.promotable();
        if (orDies(() -> assertThat(maintenance.promote(connection).total()).isEqualTo(due.size()))) {
            due.forEach(job -> job.state = JobState.AVAILABLE);
        }
        return "promote";
    }

    /** What a leader does; sometimes it dies before the commit. Returns whether it is done. */
    private boolean orDies(Work work) throws SQLException {
        boolean dies = random.nextInt(10) == 0;
        connection.setAutoCommit(false);
        work.run();
        if (dies) {
            connection.rollback();
        }
        connection.setAutoCommit(true);
        return !dies;
    }

    @FunctionalInterface
    private interface Work {
        void run() throws SQLException;
    }

    private String workerDies() throws SQLException {
        String worker = WORKERS[random.nextInt(WORKERS.length)];
        number("UPDATE worker SET lease_expires_at = now() - interval '1 second' WHERE id = ? RETURNING 1", worker);
        return rescue();
    }

    private String rescue() throws SQLException {
        Set<String> dead = new java.util.HashSet<>();
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT id FROM worker WHERE lease_expires_at < now()")) {
            while (row.next()) {
                dead.add(row.getString(1));
            }
        }
        List<ModelJob> lost = model.jobs.values().stream()
                .filter(job -> job.state == JobState.RUNNING && dead.contains(job.worker))
                .toList();
        if (!orDies(() -> assertThat(maintenance.rescue(connection).total()).isEqualTo(lost.size()))) {
            return "rescue";
        }
        lost.forEach(model::rescue);
        for (String worker : dead) {
            workers.renew(connection, worker, Duration.ofHours(1), WorkerTable.Report.NOTHING);
        }
        return "rescue";
    }

    private long term(String worker) throws SQLException {
        return maintenance.lead(connection, worker, LEAD).term();
    }

    private String lead() throws SQLException {
        String candidate = WORKERS[random.nextInt(WORKERS.length)];
        if (random.nextBoolean()) {
            leaders.resign(connection, leader);
            leader = leader.isEmpty() ? leader : "";
        }
        if (!leader.isEmpty()) {
            assertThat(term(leader)).isEqualTo(term);
        }
        long given = term(candidate);
        if (leader.isEmpty()) {
            assertThat(given)
                    .as("term")
                    .isGreaterThanOrEqualTo(Math.max(1, candidate.equals(lastLeader) ? term : term + 1));
            leader = candidate;
            lastLeader = candidate;
            term = given;
        } else {
            assertThat(given).isEqualTo(candidate.equals(leader) ? term : 0);
        }
        return "lead";
    }

    private long number(String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) {
                statement.setObject(i + 1, parameters[i]);
            }
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    /** The whole table: one row, so one phase, for each job of the model; and who holds which key. */
    private void check() throws SQLException {
        List<String> actual = new ArrayList<>();
        try (Statement statement = connection.createStatement()) {
            try (ResultSet row = statement.executeQuery("""
                    SELECT id, state, priority, attempt, max_attempts, CASE WHEN state = 'running' THEN attempted_by END,
                        cancel_requested_at IS NOT NULL, run_order FROM job ORDER BY id""")) {
                while (row.next()) {
                    long id = row.getLong(1);
                    actual.add(id + " " + row.getString(2) + " p" + row.getInt(3) + " a" + row.getInt(4) + "/"
                            + row.getInt(5) + " " + row.getString(6) + (row.getBoolean(7) ? " cancel" : ""));
                    ModelJob job = model.jobs.get(id);
                    if (job != null) {
                        job.runOrder = row.getLong(8);
                    }
                }
            }
            model.jobs.values().stream()
                    .filter(job -> job.state != JobState.RUNNING)
                    .forEach(job -> job.worker = null);
            assertThat(actual)
                    .containsExactlyElementsOf(
                            model.jobs.values().stream().map(ModelJob::line).toList());
            assertThat(enqueued).as("jobs, those deleted included").isEqualTo(actual.size() + model.removed);
            Map<Long, Integer> held = new HashMap<>();
            try (ResultSet row = statement.executeQuery("SELECT job_id FROM unique_key")) {
                while (row.next()) {
                    held.merge(row.getLong(1), 1, Integer::sum);
                }
            }
            Map<Long, Integer> expected = new HashMap<>();
            model.keys.values().forEach(id -> expected.merge(id, 1, Integer::sum));
            assertThat(held).isEqualTo(expected);
        }
        assertThat(model.jobs.values())
                .allSatisfy(job -> assertThat(job.attempt).isBetween(0, job.maxAttempts))
                .allSatisfy(job -> assertThat(job.ended).isEqualTo(job.state.isFinal() ? 1 : 0));
    }

    @Override
    public void close() throws SQLException {
        second.rollback();
        second.close();
        connection.close();
    }
}
