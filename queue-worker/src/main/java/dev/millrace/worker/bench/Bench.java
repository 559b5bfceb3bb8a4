package dev.millrace.worker.bench;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.worker.Worker;
import dev.millrace.worker.engine.BareLoop;
import java.lang.management.ManagementFactory;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Measures, end to end and on the job tables of a schema: enqueue one by one and in bulk, draining a backlog, and the latency of an
 * idle worker. Jobs go through queues of their own and are deleted in the end, with their history. What is lost or run twice is
 * counted, not assumed. Runs once; not thread-safe.
 */
public final class Bench {

    /** Arguments: a number and padding. */
    record Load(int n, String pad) {}

    private static final JobType<Load> LOAD = JobType.of("millrace_bench", Load.class);
    private static final int WARM_UP = 20_000;
    private static final Duration LATENCY_LIMIT = Duration.ofSeconds(30);

    private final Database database;
    private final BenchConfig config;
    private final Consumer<String> progress;
    private final BenchTable table;
    private final String queue =
            "millrace-bench-" + Long.toString(ThreadLocalRandom.current().nextLong(1L << 40), 36);
    private final String pad;
    private final Map<String, Object> report = new LinkedHashMap<>();

    /**
     * Nothing is measured yet.
     *
     * @param progress is told what is going on, a line each
     */
    public Bench(Database database, BenchConfig config, Consumer<String> progress) {
        this.database = database;
        this.config = config;
        this.progress = progress;
        this.table = new BenchTable(database);
        this.pad = "x".repeat(Math.max(0, config.argsBytes() - 24));
    }

    /** Returns the figures by name, in the order in which they were measured. */
    public Map<String, Object> run() throws SQLException, InterruptedException, ExecutionException {
        long firstId = table.sequencePosition();
        try (Millrace millrace = Millrace.connect(database.withPoolSize(10))) {
            warmUp(millrace);
            single(millrace, 1);
            single(millrace, 8);
            backlog(millrace);
            latency(millrace);
            if (config.limit()) {
                limit();
            }
        } finally {
            progress.accept("deleting what was enqueued");
            table.delete(firstId, LOAD.kind());
        }
        report.put("settings", settings());
        return report;
    }

    private void warmUp(Millrace millrace) throws InterruptedException {
        progress.accept("warming up");
        String warm = queue + "-warm";
        millrace.enqueueAll(typeFor(warm), IntStream.range(0, WARM_UP).mapToObj(this::load));
        try (Worker worker = worker(warm, (n, began) -> {})) {
            worker.start();
            worker.awaitEmpty();
        }
    }

    private void single(Millrace millrace, int threads) throws InterruptedException, ExecutionException {
        progress.accept("enqueueing " + config.singleJobs() + " jobs one by one, " + threads
                + (threads == 1 ? " thread" : " threads"));
        JobType<Load> type = typeFor(queue + "-single");
        int each = Math.max(1, config.singleJobs() / threads);
        ExecutorService producers = Executors.newFixedThreadPool(threads);
        try {
            long began = System.nanoTime();
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                running.add(producers.submit(() -> {
                    for (int n = 0; n < each; n++) {
                        millrace.enqueue(type, load(n));
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
            report.put("enqueue_single_" + threads + "_per_second", perSecond((long) each * threads, began));
        } finally {
            producers.shutdownNow();
        }
    }

    private void backlog(Millrace millrace) throws SQLException, InterruptedException {
        progress.accept("enqueueing " + config.jobs() + " jobs in bulk");
        long walBefore = table.walPosition();
        long began = System.nanoTime();
        millrace.enqueueAll(typeFor(queue), IntStream.range(0, config.jobs()).mapToObj(this::load));
        report.put("enqueue_per_second", perSecond(config.jobs(), began));

        progress.accept("draining them");
        AtomicIntegerArray runs = new AtomicIntegerArray(config.jobs());
        long cpuBefore = cpuNanos();
        try (Worker worker = worker(queue, (n, at) -> runs.incrementAndGet(n))) {
            worker.start();
            worker.awaitEmpty();
        }
        long cpu = cpuNanos() - cpuBefore;
        BenchTable.Drained drained = table.drained(queue);
        report.put("work_per_second", Math.round(config.jobs() / Math.max(1e-3, drained.seconds())));
        report.put(
                "wal_bytes_per_job", walBefore < 0 ? null : (table.walPosition() - walBefore) / (long) config.jobs());
        report.put("worker_cpu_seconds_per_1000_jobs", Latencies.rounded(cpu / 1e9 / config.jobs() * 1_000));
        int duplicates = 0;
        int never = 0;
        for (int n = 0; n < config.jobs(); n++) {
            duplicates += Math.max(0, runs.get(n) - 1);
            never += runs.get(n) == 0 ? 1 : 0;
        }
        report.put("lost", Math.max(never, config.jobs() - drained.completed()));
        report.put("duplicates", duplicates);
    }

    private void latency(Millrace millrace) throws InterruptedException {
        progress.accept("measuring the latency of an idle worker");
        String idle = queue + "-idle";
        JobType<Load> type = typeFor(idle);
        BlockingQueue<Long> begun = new LinkedBlockingQueue<>();
        long[] nanos = new long[config.latencySamples()];
        try (Worker worker = worker(idle, (n, at) -> begun.add(at))) {
            worker.start();
            for (int i = 0; i < nanos.length; i++) {
                long before = System.nanoTime();
                millrace.enqueue(type, load(i));
                Long began = begun.poll(LATENCY_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
                if (began == null) {
                    throw new IllegalStateException(
                            "A job of the latency measurement did not start within " + LATENCY_LIMIT);
                }
                nanos[i] = began - before;
            }
        }
        report.put("latency_ms", new Latencies(nanos).summary());
    }

    /** The same statements, driven by the smallest loop; and the same rows by one COPY. */
    private void limit() throws SQLException, InterruptedException, ExecutionException {
        progress.accept("measuring the limit: a bare COPY, and bare claims and completions");
        String bare = queue + "-bare";
        long began = System.nanoTime();
        table.copy(bare, LOAD.kind(), config.jobs(), pad);
        long copied = perSecond(config.jobs(), began);
        began = System.nanoTime();
        long worked = new BareLoop(database).drain(bare, LOAD.kind(), 2, 1_000);
        long workRate = perSecond(worked, began);
        Map<String, Object> limit = new LinkedHashMap<>();
        limit.put("copy_per_second", copied);
        limit.put("work_per_second", workRate);
        limit.put("enqueue_share", share("enqueue_per_second", copied));
        limit.put("work_share", share("work_per_second", workRate));
        report.put("limit", limit);
    }

    private double share(String figure, long limit) {
        return report.get(figure) instanceof Number ours ? Latencies.rounded(ours.doubleValue() / limit) : Double.NaN;
    }

    /** Is told what ran, and when it began by {@link System#nanoTime}. */
    private interface Seen {
        void ran(int n, long beganNanos);
    }

    private Worker worker(String name, Seen seen) {
        return Worker.builder(database)
                .queue(name, config.slots())
                .handle(LOAD, (job, load) -> seen.ran(load.n(), System.nanoTime()))
                .build();
    }

    private JobType<Load> typeFor(String name) {
        return LOAD.withDefaults(options -> options.queue(name));
    }

    private Load load(int n) {
        return new Load(n, pad);
    }

    private Map<String, Object> settings() throws SQLException {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("jobs", config.jobs());
        settings.put("args_bytes", config.argsBytes());
        settings.put("slots", config.slots());
        settings.put("single_jobs", config.singleJobs());
        settings.put("latency_samples", config.latencySamples());
        settings.put("java", Runtime.version().toString());
        settings.put("processors", Runtime.getRuntime().availableProcessors());
        settings.putAll(table.serverSettings());
        return settings;
    }

    private static long perSecond(long count, long beganNanos) {
        return Math.round(count / ((System.nanoTime() - beganNanos) / 1e9));
    }

    /** Of this process; 0 where the platform does not tell. */
    private static long cpuNanos() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                ? os.getProcessCpuTime()
                : 0;
    }
}
