package dev.millrace.worker.engine;

import dev.millrace.connection.Database;
import dev.millrace.job.JobState;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The statements of a worker, driven by the smallest loop: claim a batch, complete it, again. No engine, no handlers, no supervision;
 * what the server can do at most. Thread-safe.
 */
public final class BareLoop {

    private static final String WORKER = "millrace-bare-loop";

    private final Database database;
    private final JobTable table;

    /**
     * Nothing is claimed yet.
     *
     * @param keepHistory whether completed jobs are kept; otherwise they are deleted
     */
    public BareLoop(Database database, boolean keepHistory) {
        this.database = database;
        Settings settings = new Settings();
        settings.update(new Settings.Read(
                Map.of(), Map.of(Settings.Read.rule("", JobState.COMPLETED.sql()), !keepHistory)));
        this.table = new JobTable(database.schema(), settings);
    }

    /**
     * Claims and completes what is available in a queue until nothing is left.
     *
     * @param threads each with a connection of its own
     * @param batch jobs in one claim and one completion
     * @return how many
     */
    public long drain(String queue, String kind, int threads, int batch)
            throws SQLException, InterruptedException, ExecutionException {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Long>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                running.add(executor.submit(() -> drain(queue, kind, batch)));
            }
            long drained = 0;
            for (Future<Long> one : running) {
                drained += one.get();
            }
            return drained;
        } finally {
            executor.shutdownNow();
        }
    }

    private long drain(String queue, String kind, int batch) throws SQLException {
        try (Connection connection = database.unpooled().getConnection();
                Statement session = connection.createStatement()) {
            session.execute("SET plan_cache_mode = force_custom_plan");
            Floors floors = new Floors();
            long drained = 0;
            while (true) {
                Floors.Range range = floors.sweepDue(System.nanoTime()) ? floors.sweep() : floors.floored();
                long began = System.nanoTime();
                List<LeasedJob> claimed = table.claim(
                        connection, queue, connection.createArrayOf("text", new String[] {kind}), batch, range, WORKER);
                floors.claimed(range, claimed, claimed.size() == batch, began, System.nanoTime());
                if (claimed.isEmpty() && range.sweep()) {
                    return drained;
                }
                drained += table.finish(
                                connection,
                                claimed.stream()
                                        .map(job -> new Outcome.Finalize(job, "completed", null, null))
                                        .toList())
                        .size();
            }
        }
    }
}
