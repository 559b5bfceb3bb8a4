package dev.millrace.worker.engine;

import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Plans;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.ArgsCodec;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.PeriodicStatements;
import dev.millrace.periodic.Schedule;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Enqueues periodic jobs at their ticks: on the worker that leads all those that anybody can evaluate, and on every worker those
 * whose schedule its own program knows, since the leader may be another program. Who leads only saves work: each tick is fenced in
 * the database, so any number of workers may do this at once.
 *
 * <p>A loop of its own beside maintenance: a schedule in code may be slow, and promotion and rescue must not wait for it.
 */
final class PeriodicScheduler implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(PeriodicScheduler.class);

    /** How soon a new entry, or one that was changed, is noticed; what is known to be nearer is waited for exactly. */
    private static final Duration TICK = Duration.ofSeconds(5);
    /** Where another worker was quicker, and until it is known who leads: neither costs a statement while nothing is due. */
    private static final Duration AGAIN = Duration.ofSeconds(1);

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);
    private static final int MAX_ERROR = 500;

    private final Supervisor supervisor;
    private final PeriodicTable table;
    private final PeriodicStatements entries;
    private final List<PeriodicJob> inCode;
    private final ArgsCodec codec;
    private final Map<String, Schedule> custom;
    private final String[] customNames;
    private final BooleanSupplier leads;
    private final SupervisedLoop loop;

    PeriodicScheduler(Supervisor supervisor, List<PeriodicJob> inCode, ArgsCodec codec, BooleanSupplier leads) {
        this.supervisor = supervisor;
        this.table = new PeriodicTable(supervisor.database().schema());
        this.entries = new PeriodicStatements(supervisor.database().schema());
        this.inCode =
                inCode.stream().sorted(Comparator.comparing(PeriodicJob::name)).toList();
        this.codec = codec;
        this.custom = inCode.stream()
                .filter(PeriodicJob::isCustom)
                .collect(Collectors.toMap(PeriodicJob::name, PeriodicJob::schedule));
        this.customNames = custom.keySet().toArray(new String[0]);
        this.leads = leads;
        this.loop = new SupervisedLoop("periodic-" + supervisor.database().instance(), supervisor, this::step);
    }

    /** Writes down what is defined in code, all or none, then begins. In the order of names: two starts at once must not deadlock. */
    void start(Duration limit) throws SQLException, InterruptedException {
        if (!inCode.isEmpty()) {
            supervisor.workWithin(
                    limit,
                    connection -> supervisor.inTransaction(connection, same -> {
                        for (PeriodicJob job : inCode) {
                            entries.add(same, job, codec, true);
                        }
                        return inCode.size();
                    }));
        }
        loop.start();
    }

    private Duration step() throws SQLException {
        boolean others = leads.getAsBoolean();
        if (!others && custom.isEmpty()) {
            return AGAIN;
        }
        long untilNext = supervisor.work(Plans.BY_INDEX, connection -> table.look(connection, customNames, others));
        if (untilNext > 0) {
            return untilNext < TICK.toMillis() ? Duration.ofMillis(untilNext + 1) : TICK;
        }
        boolean moved = false;
        for (PeriodicTable.Entry entry : supervisor.work(connection -> table.due(connection, customNames, others))) {
            if (loop.isStopped()) {
                return TICK;
            }
            moved |= advance(entry);
        }
        // What is due and could not be moved is in somebody's hands: it must not make this loop spin.
        return moved ? Duration.ZERO : AGAIN;
    }

    /** One entry that can't be run must not keep the others from running. */
    private boolean advance(PeriodicTable.Entry entry) throws SQLException {
        TickPlan plan;
        try {
            plan = TickPlan.of(scheduleOf(entry), entry.plannedAfter(), entry.now(), entry.missed());
        } catch (RuntimeException | StackOverflowError refused) {
            return failed(entry, String.valueOf(refused.getMessage()), refused);
        }
        try {
            return supervisor.work(connection -> table.advance(connection, entry, plan));
        } catch (SQLException failure) {
            if (Faults.classify(failure, Faults.Phase.USE) != FaultClass.CALLER) {
                throw failure;
            }
            return failed(entry, "The database refused its job: " + Faults.brief(failure), failure);
        }
    }

    private Schedule scheduleOf(PeriodicTable.Entry entry) {
        Schedule own = entry.isCustom() ? custom.get(entry.name()) : null;
        return own == null ? Schedule.parse(entry.schedule(), entry.zone()) : own;
    }

    private boolean failed(PeriodicTable.Entry entry, String message, Throwable cause) throws SQLException {
        String error = Storable.text(message, MAX_ERROR);
        boolean moved = supervisor.work(connection -> table.fail(connection, entry, error));
        if (moved && !error.equals(entry.error())) {
            LOG.warn("Periodic job '{}' can't be run until this is mended: {}", entry.name(), error);
            LOG.debug("Periodic job '{}' failed", entry.name(), cause);
        }
        return moved;
    }

    @Override
    public void close() {
        loop.stop();
        loop.join(CLOSE_LIMIT);
    }
}
