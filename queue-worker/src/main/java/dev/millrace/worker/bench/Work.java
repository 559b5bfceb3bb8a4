package dev.millrace.worker.bench;

import dev.millrace.worker.engine.BareLoop;
import org.jspecify.annotations.Nullable;

/** A backlog: enqueued in bulk, then worked off by the workers alone. */
final class Work {

    private static final int GENERATED = 1_000_000;
    private static final int BARE_THREADS = 2;
    private static final int BARE_BATCH = 1_000;

    /** What the workers have run, and what that has cost. */
    private record Worked(Tally tally, Costs costs) {}

    private final Rig rig;

    Work(Rig rig) {
        this.rig = rig;
    }

    /** Enqueues; works too if the configuration says so. */
    void run(String name) throws Exception {
        int jobs = rig.config().sizes().jobs();
        rig.table().tidy();
        Costs enqueue = enqueue(name, jobs);
        if (rig.config().works()) {
            enlarge(name);
            work(name, enqueue);
        }
        if (rig.config().limit()) {
            rig.table().tidy();
            rig.figures().add("limit.copy_per_second", copy(name, jobs));
            if (rig.config().works()) {
                rig.figures().add("limit.work_per_second", drainBare(name));
            }
        }
    }

    /** Without measuring: what runs later finds warm code on both sides. */
    void warmUp(String name, int jobs) throws Exception {
        rig.millrace().enqueueAll(rig.jobs(name, 0, jobs), id -> {});
        rig.workforce().start(name, jobs);
        rig.awaitRan(jobs);
        rig.workforce().stop();
        if (rig.config().limit()) {
            copy(name, jobs);
            drainBare(name);
        }
    }

    private Costs enqueue(String name, int jobs) throws Exception {
        rig.progress().step("enqueueing " + jobs + " jobs in bulk");
        Costs before = rig.table().costs(LocalWorkforce.INSTANCE);
        long began = System.nanoTime();
        rig.millrace().enqueueAll(rig.jobs(name, 0, jobs), id -> {});
        rig.figures().add("enqueue_per_second", Rates.perSecond(jobs, began));
        return rig.table().costs(LocalWorkforce.INSTANCE).since(before);
    }

    /** To the backlog that is wanted, behind the jobs that are measured. */
    private void enlarge(String name) throws Exception {
        int backlog = rig.config().sizes().backlog();
        int jobs = rig.config().sizes().jobs();
        if (backlog > jobs) {
            rig.progress().step("generating a backlog of " + backlog + " jobs");
        }
        for (int from = jobs; from < backlog; from += GENERATED) {
            rig.bare().copyJobs(name, from, Math.min(GENERATED, backlog - from));
            rig.progress().at(from, backlog);
        }
    }

    private void work(String name, Costs enqueue) throws Exception {
        int jobs = rig.config().sizes().jobs();
        int backlog = rig.config().sizes().backlog();
        rig.progress().step("working off " + jobs + " jobs");
        double rowBytes = rig.table().rowBytes(name);
        Worked worked = rig.underSnapshot(() -> {
            Costs before = rig.table().costs(LocalWorkforce.INSTANCE);
            rig.workforce().start(name, backlog);
            rig.awaitRan(jobs);
            Tally ran = rig.workforce().stop();
            return new Worked(ran, rig.table().costs(LocalWorkforce.INSTANCE).since(before));
        });
        Tally tally = worked.tally();
        Costs costs = worked.costs();
        BenchTable.State state = rig.check(name, Rig.upTo(backlog), jobs, tally);
        double completed = tally.distinct();
        Figures figures = rig.figures();
        figures.add(
                "work_per_second",
                rig.config().conditions().keepHistory()
                        ? state.completed().cardinality() / Math.max(1e-3, state.seconds())
                        : completed / Math.max(1e-3, (tally.stoppedMillis() - tally.firstMillis()) / 1e3));
        figures.addAll("work_fifths_per_second", tally.fifths());
        figures.add("wal_bytes_per_job", sum(per(enqueue.walBytes(), jobs), per(costs.walBytes(), completed)));
        figures.add("enqueue_wal_bytes_per_job", per(enqueue.walBytes(), jobs));
        figures.add("work_wal_bytes_per_job", per(costs.walBytes(), completed));
        figures.add("commits_per_job", sum(per(enqueue.commits(), jobs), per(costs.commits(), completed)));
        figures.add("dead_bytes_per_job", costs.deadRows() * rowBytes / completed);
        figures.add(
                "server_cpu_seconds_per_1000_jobs",
                sum(per(enqueue.cpuSeconds(), jobs / 1e3), per(costs.cpuSeconds(), completed / 1e3)));
        figures.add("worker_cpu_seconds_per_1000_jobs", per(tally.cpuSeconds(), completed / 1e3));
    }

    private double copy(String name, int jobs) throws Exception {
        rig.progress().step("enqueueing the same by a bare COPY");
        long began = System.nanoTime();
        rig.bare().copyJobs(name + "-bare", 0, jobs);
        return Rates.perSecond(jobs, began);
    }

    private double drainBare(String name) throws Exception {
        rig.progress().step("working the same off by bare claims and completions");
        return rig.underSnapshot(
                () -> new BareLoop(rig.database(), rig.config().conditions().keepHistory())
                        .drain(name + "-bare", Load.PLAIN.kind(), BARE_THREADS, BARE_BATCH)
                        .perSecond());
    }

    private static @Nullable Double per(@Nullable Number cost, double jobs) {
        return cost == null ? null : cost.doubleValue() / jobs;
    }

    private static @Nullable Double sum(@Nullable Double one, @Nullable Double other) {
        return one == null || other == null ? null : one + other;
    }
}
