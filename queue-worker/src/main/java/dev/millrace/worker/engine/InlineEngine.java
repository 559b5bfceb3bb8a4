package dev.millrace.worker.engine;

import dev.millrace.connection.Supervisor;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.GuardedMeter;
import dev.millrace.migrations.SchemaName;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.Handlers.Registration;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs jobs on the calling thread, one after the other, by the statements and the rules of a worker: for the tests of an
 * application. Takes the supervisor over. Not thread-safe.
 */
public final class InlineEngine implements AutoCloseable {

    /** What an attempt came to. */
    public enum Ended {
        COMPLETED,
        CANCELLED,
        DISCARDED,
        /** Waits for its next attempt. */
        RETRYABLE,
        SNOOZED,
        /** Given back. */
        RELEASED
    }

    private static final Logger LOG = LoggerFactory.getLogger(InlineEngine.class);

    private static final int BATCH = 100;
    private static final int MAX_OUTPUT_BYTES = 1 << 20;
    private static final Duration LEASE = Duration.ofHours(1);
    private static final Duration FLUSH_LIMIT = Duration.ofSeconds(10);
    private static final String WORKER = "inline";

    private final Supervisor supervisor;
    private final JobTable table;
    private final MaintenanceTable maintenance;
    private final WorkerTable workers;
    private final Leases leases = new Leases();
    private final Completer completer;
    private final Deadlines deadlines;
    private final Runner runner;
    private final Lending lending;
    private final Outputs outputs;
    private final String[] kinds;
    private final String workerId;
    private final String available;
    private final String bringNearer;
    private final Map<Ended, Integer> ended = new EnumMap<>(Ended.class);

    /**
     * Nothing is run yet.
     *
     * @param handlers by kind
     * @param interceptors around each handler, the outermost first
     * @param codec for arguments and output
     */
    public InlineEngine(
            Supervisor supervisor,
            Map<String, Registration<?>> handlers,
            List<HandlerInterceptor> interceptors,
            ArgsCodec codec) {
        this.supervisor = supervisor;
        WorkerConfig config = new WorkerConfig(
                Map.of(),
                Map.of(),
                false,
                handlers,
                LEASE,
                Duration.ZERO,
                Duration.ZERO,
                codec,
                MAX_OUTPUT_BYTES,
                LEASE,
                interceptors,
                null,
                List.of(),
                null);
        SchemaName schema = supervisor.database().schema();
        this.workerId = WORKER + "/" + supervisor.database().instance();
        this.table = new JobTable(schema);
        this.maintenance = new MaintenanceTable(schema);
        this.workers = new WorkerTable(schema);
        AttemptError errors = new AttemptError(workerId);
        JobEvents events = new JobEvents(supervisor, workerId, null, new GuardedMeter(null));
        this.completer = new Completer(supervisor, table, leases, errors, events, new Activity(), () -> {});
        this.deadlines =
                new Deadlines(supervisor, leases, new LeaseClock(LEASE, System.nanoTime()), LEASE, execution -> {});
        this.outputs = new Outputs(codec, MAX_OUTPUT_BYTES);
        this.runner = new Runner(config, outputs, errors, events, this::submit);
        this.lending = new Lending(supervisor);
        this.kinds = handlers.keySet().toArray(new String[0]);
        this.available =
                "SELECT DISTINCT queue FROM " + schema.quoted() + ".job_available WHERE kind = ANY (?) ORDER BY 1";
        this.bringNearer = "UPDATE " + schema.quoted()
                + ".job_deferred SET scheduled_at = scheduled_at - ? * interval '1 microsecond'";
        completer.start();
        deadlines.start();
    }

    /**
     * Runs what is available and what is due, and what becomes so by that, until nothing is left.
     *
     * @param most attempts before it is given up
     * @return attempts by what they came to
     * @throws IllegalStateException if there is no end after so many attempts
     */
    public Map<Ended, Integer> drain(int most) throws SQLException, InterruptedException {
        ended.clear();
        supervisor.work(connection -> workers.register(connection, workerId, LEASE, WorkerTable.Report.NOTHING));
        int ran = 0;
        List<LeasedJob> claimed;
        do {
            while (supervisor.work(maintenance::promote).total() == MaintenanceTable.BATCH) {}
            claimed = supervisor.work(this::claim);
            for (LeasedJob job : claimed) {
                Execution execution = new Execution(job, table, outputs, lending);
                leases.add(execution);
                runner.run(execution);
            }
            if (!completer.awaitDrained(FLUSH_LIMIT)) {
                throw new IllegalStateException("The database did not take what jobs came to within " + FLUSH_LIMIT);
            }
            ran += claimed.size();
            if (ran >= most) {
                throw new IllegalStateException("After " + ran + " attempts there are still jobs to run, of kind "
                        + (claimed.isEmpty() ? "unknown" : claimed.get(0).kind())
                        + ": do they enqueue, snooze or retry themselves without end?");
            }
        } while (!claimed.isEmpty());
        return Map.copyOf(ended);
    }

    /** Brings whatever waits for a time nearer by this much. */
    public void advance(Duration time) throws SQLException {
        supervisor.work(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(bringNearer)) {
                statement.setLong(1, time.toNanos() / 1_000);
                return statement.executeUpdate();
            }
        });
    }

    private List<LeasedJob> claim(Connection connection) throws SQLException {
        List<String> queues = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(available)) {
            statement.setArray(1, connection.createArrayOf("text", kinds));
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    queues.add(row.getString(1));
                }
            }
        }
        List<LeasedJob> claimed = new ArrayList<>();
        for (String queue : queues) {
            claimed.addAll(table.claim(
                    connection, queue, connection.createArrayOf("text", kinds), BATCH, new Floors().sweep(), workerId));
        }
        return claimed;
    }

    private void submit(Outcome outcome) {
        ended.merge(kindOf(outcome), 1, Integer::sum);
        completer.submit(outcome);
    }

    private static Ended kindOf(Outcome outcome) {
        if (outcome instanceof Outcome.Finalize end) {
            return switch (end.state()) {
                case "completed" -> Ended.COMPLETED;
                case "cancelled" -> Ended.CANCELLED;
                default -> Ended.DISCARDED;
            };
        }
        if (outcome instanceof Outcome.Defer later) {
            return later.refunded() ? Ended.SNOOZED : Ended.RETRYABLE;
        }
        return Ended.RELEASED;
    }

    @Override
    public void close() {
        deadlines.close();
        completer.close();
        if (supervisor.isUsable()) {
            try {
                supervisor.work(connection -> workers.remove(connection, workerId));
            } catch (SQLException | RuntimeException theRowRunsOut) {
                LOG.debug("Worker {} could not be removed", workerId, theRowRunsOut);
            }
        }
        supervisor.close();
    }
}
