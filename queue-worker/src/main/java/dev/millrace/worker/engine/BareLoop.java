package dev.millrace.worker.engine;

import dev.millrace.connection.Database;
import dev.millrace.connection.Plans;
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
     * What was claimed and completed.
     *
     * @param jobs how many
     * @param beganNanos when the first claim began, by {@link System#nanoTime}
     * @param endedNanos when the last completion was written; what it took to find that nothing is left is not in here
     */
    public record Drained(long jobs, long beganNanos, long endedNanos) {

        /** Jobs a second. */
        public double perSecond() {
            return jobs / Math.max(1e-9, (endedNanos - beganNanos) / 1e9);
        }

        /** Together with what another thread did meanwhile. */
        private Drained and(Drained other) {
            // Readings of the clock are compared by their difference: they may overflow.
            return new Drained(
                    jobs + other.jobs,
                    beganNanos - other.beganNanos < 0 ? beganNanos : other.beganNanos,
                    endedNanos - other.endedNanos > 0 ? endedNanos : other.endedNanos);
        }
    }

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
     */
    public Drained drain(String queue, String kind, int threads, int batch)
            throws SQLException, InterruptedException, ExecutionException {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Drained>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                running.add(executor.submit(() -> drain(queue, kind, batch)));
            }
            Drained drained = running.get(0).get();
            for (Future<Drained> other : running.subList(1, threads)) {
                drained = drained.and(other.get());
            }
            return drained;
        } finally {
            executor.shutdownNow();
        }
    }

    private Drained drain(String queue, String kind, int batch) throws SQLException {
        try (Connection connection = database.unpooled().getConnection();
                Statement session = connection.createStatement()) {
            Plans.BY_INDEX.applyTo(connection);
            // Over rows that a held snapshot keeps, a claim may take longer than this user's statements may.
            session.execute("SET statement_timeout = 0");
            Floors floors = new Floors();
            long beganNanos = System.nanoTime();
            long endedNanos = beganNanos;
            long drained = 0;
            while (true) {
                Floors.Range range = floors.sweepDue(System.nanoTime()) ? floors.sweep() : floors.floored();
                long began = System.nanoTime();
                List<LeasedJob> claimed = table.claim(
                        connection, queue, connection.createArrayOf("text", new String[] {kind}), batch, range, WORKER);
                floors.claimed(range, claimed, claimed.size() == batch, began, System.nanoTime());
                if (claimed.isEmpty()) {
                    if (range.sweep()) {
                        return new Drained(drained, beganNanos, endedNanos);
                    }
                    continue;
                }
                drained += table.finish(
                                connection,
                                claimed.stream()
                                        .map(job -> new Outcome.Finalize(job, "completed", null, null))
                                        .toList())
                        .size();
                endedNanos = System.nanoTime();
            }
        }
    }
}
