package dev.millrace.worker.bench;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobState;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Measures this database and this machine, end to end, in a schema of its own that is gone afterwards. What is lost or run twice
 * is counted, not assumed. Runs once; not thread-safe.
 */
public final class Bench {

    /** Connections for the producers of this process, of which up to eight enqueue at once. */
    private static final int PRODUCERS = 10;

    private static final String LIMIT = "limit";
    private static final int WARM_UP_JOBS = 200_000;
    /** Where workers are processes of their own, each of them has a compiler to satisfy. */
    private static final int WARM_UP_JOBS_OF_A_PROCESS = 50_000;

    private static final int WARM_UP_SINGLES = 3_000;
    private static final int WARM_UP_SAMPLES = 3_000;

    private final Database database;
    private final BenchConfig config;
    private final Function<Database, ProcessBuilder> program;
    private final Progress progress;
    private final Figures figures = new Figures();

    /**
     * Nothing is measured yet.
     *
     * @param database whose schema is left alone: another one is made beside it
     * @param program how to start a {@link BenchProcess} on a database
     * @param progress is told what is going on, a line each
     */
    public Bench(
            Database database,
            BenchConfig config,
            Function<Database, ProcessBuilder> program,
            Consumer<String> progress) {
        this.database = database;
        this.config = config;
        this.program = program;
        this.progress = new Progress(progress);
    }

    /**
     * Returns the figures by name: medians of the runs, except that {@code lost}, {@code duplicates} and {@code stalled} are of all together.
     *
     * @throws dev.millrace.error.MillraceException if another benchmark is at work in this database
     */
    public Map<String, Object> run() throws Exception {
        try (BenchSchema schema = BenchSchema.create(database, progress)) {
            Database own = schema.database();
            String pad = Load.pad(config.mix().argsBytes());
            new Ballast(own, pad, progress).load(config.conditions());
            try (Millrace millrace = Millrace.connect(own.withPoolSize(PRODUCERS));
                    Workforce workforce = workforce(own);
                    Child producer = config.scenarios().contains(Scenario.LATENCY)
                            ? Child.start(program.apply(own), () -> {})
                            : null) {
                if (!config.conditions().keepHistory()) {
                    millrace.queues().retention(null, JobState.COMPLETED, Duration.ZERO);
                }
                BenchTable table = new BenchTable(own);
                Rig rig = new Rig(
                        own,
                        table.position(),
                        config,
                        table,
                        new BareSql(own, pad),
                        millrace,
                        workforce,
                        figures,
                        progress);
                warmUp(rig, producer);
                for (int run = 1; run <= config.sizes().runs(); run++) {
                    measure(rig, producer, "run-" + run);
                }
                return report(table);
            }
        }
    }

    private Workforce workforce(Database own) throws IOException {
        Conditions conditions = config.conditions();
        return conditions.processes() == 0
                ? new LocalWorkforce(own, conditions.slots())
                : new ProcessWorkforce(() -> program.apply(own), conditions.processes(), conditions.slots());
    }

    private void warmUp(Rig rig, @Nullable Child producer) throws Exception {
        progress.step("warming up");
        Sizes sizes = config.sizes();
        if (config.scenarios().contains(Scenario.ENQUEUE)) {
            Enqueue enqueue = new Enqueue(rig);
            enqueue.enqueue("warm", Math.min(WARM_UP_SINGLES, sizes.singleJobs()), 2);
            if (config.limit()) {
                enqueue.insert("warm", Math.min(WARM_UP_SINGLES, sizes.singleJobs()), 2);
            }
        }
        int jobs = Math.max(
                WARM_UP_JOBS, WARM_UP_JOBS_OF_A_PROCESS * config.conditions().processes());
        new Work(rig).warmUp("warm", Math.min(jobs, sizes.jobs()));
        if (producer != null) {
            int samples = 15 * sizes.latencySamples();
            // Or else the tail would be the compiler's, which shares the cores with a worker that has just started.
            new Steady(rig).reach("warm-steady", sizes.time().multipliedBy(2));
            new Enqueue(rig).enqueue("warm-singles", Math.min(WARM_UP_SINGLES, samples), 1);
            IdleLatency latency = new IdleLatency(rig);
            latency.warmUp("warm-here", Math.min(WARM_UP_SAMPLES, samples), null);
            latency.warmUp("warm-elsewhere", Math.min(WARM_UP_SAMPLES, samples), producer);
        }
    }

    private void measure(Rig rig, @Nullable Child producer, String name) throws Exception {
        if (config.scenarios().contains(Scenario.ENQUEUE)) {
            new Enqueue(rig).run(name);
        }
        if (config.works() || config.scenarios().contains(Scenario.ENQUEUE)) {
            new Work(rig).run(name + "-work");
        }
        if (config.scenarios().contains(Scenario.STEADY)) {
            new Steady(rig).run(name + "-steady", "steady", config.sizes().rate(), Duration.ZERO);
        }
        if (producer != null) {
            IdleLatency latency = new IdleLatency(rig);
            int samples = config.sizes().latencySamples();
            rig.table().tidy();
            progress.step("measuring the latency of an idle worker");
            IdleLatency.report(figures, "latency_ms", latency.measure(name + "-idle", samples, null));
            progress.step("measuring the latency of an idle worker, enqueued by another process");
            IdleLatency.report(
                    figures, "latency_other_process_ms", latency.measure(name + "-elsewhere", samples, producer));
            new Steady(rig).halfLoad(name);
        }
        if (config.limit()) {
            progress.step("bare inserts and deletes in a narrow table");
            rig.table().tidy();
            int jobs = config.sizes().jobs();
            figures.add("limit.narrow_copy_per_second", rig.bare().copyNarrow(jobs));
            figures.add("limit.narrow_work_per_second", rig.bare().drainNarrow(jobs));
        }
    }

    private Map<String, Object> report(BenchTable table) throws SQLException {
        share("limit.single_1_share", "enqueue_single_1_per_second", "limit.insert_1_per_second");
        share("limit.single_8_share", "enqueue_single_8_per_second", "limit.insert_8_per_second");
        share("limit.enqueue_share", "enqueue_per_second", "limit.copy_per_second");
        share("limit.work_share", "work_per_second", "limit.work_per_second");
        share("limit.enqueue_share_of_narrow", "enqueue_per_second", "limit.narrow_copy_per_second");
        share("limit.work_share_of_narrow", "work_per_second", "limit.narrow_work_per_second");
        Map<String, Object> report = figures.report();
        Object limit = report.remove(LIMIT);
        if (limit != null) {
            // Last of the figures, what it is compared with above.
            report.put(LIMIT, limit);
        }
        Map<String, Object> runs = new LinkedHashMap<>();
        figures.eachRun(runs::put);
        report.put("runs", runs);
        report.put("settings", settings(table));
        return report;
    }

    private void share(String name, String ours, String bare) {
        double share = figures.median(ours) / figures.median(bare);
        if (Double.isFinite(share)) {
            figures.add(name, share);
        }
    }

    private Map<String, Object> settings(BenchTable table) throws SQLException {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put(
                "scenarios",
                config.scenarios().stream()
                        .sorted()
                        .map(scenario -> scenario.name().toLowerCase(Locale.ROOT))
                        .toList());
        Sizes sizes = config.sizes();
        settings.put("jobs", sizes.jobs());
        settings.put("backlog", sizes.backlog());
        settings.put("single_jobs", sizes.singleJobs());
        settings.put("latency_samples", sizes.latencySamples());
        settings.put("seconds", sizes.time().toSeconds());
        settings.put("rate", sizes.rate());
        settings.put("batch", sizes.batch());
        settings.put("runs", sizes.runs());
        JobMix mix = config.mix();
        settings.put("args_bytes", mix.argsBytes());
        settings.put("retries_percent", mix.retries());
        settings.put("scheduled_percent", mix.scheduled());
        settings.put("priorities_percent", mix.priorities());
        settings.put("unique_percent", mix.unique());
        Conditions conditions = config.conditions();
        settings.put("processes", conditions.processes());
        settings.put("slots", conditions.slots());
        settings.put("keep_history", conditions.keepHistory());
        settings.put("held_snapshot", conditions.heldSnapshot());
        settings.put("history", conditions.history());
        settings.put("running", conditions.running());
        settings.put("future", conditions.future());
        settings.put("java", Runtime.version().toString());
        settings.put("processors", Runtime.getRuntime().availableProcessors());
        settings.putAll(table.serverSettings());
        return settings;
    }
}
