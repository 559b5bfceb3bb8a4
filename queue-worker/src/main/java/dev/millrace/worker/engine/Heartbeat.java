package dev.millrace.worker.engine;

import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Renews the one row that all leases of this worker live and die with, four times in a lease, on the control link, and brings back what is set for
 * queues. Stopped last:
 * jobs that drain still need their leases.
 */
final class Heartbeat implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);

    private static final int BEATS_PER_LEASE = 4;
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);

    private final Supervisor supervisor;
    private final WorkerTable table;
    private final String workerId;
    private final Duration lease;
    private final LeaseClock clock;
    private final Supplier<WorkerTable.Report> report;
    private final Settings settings;
    private final Runnable onSettings;
    private final Runnable onLost;
    private final SupervisedLoop loop;
    private boolean registered;

    /**
     * A heartbeat that does not beat yet.
     *
     * @param report what it tells with each beat
     * @param settings are brought up to date with each beat
     * @param onSettings is called where they have changed
     * @param onLost is called where others have declared this worker dead
     */
    Heartbeat(
            Supervisor supervisor,
            WorkerTable table,
            String workerId,
            Duration lease,
            LeaseClock clock,
            Supplier<WorkerTable.Report> report,
            Settings settings,
            Runnable onSettings,
            Runnable onLost) {
        this.supervisor = supervisor;
        this.table = table;
        this.workerId = workerId;
        this.lease = lease;
        this.clock = clock;
        this.report = report;
        this.settings = settings;
        this.onSettings = onSettings;
        this.onLost = onLost;
        // A server that lacks something is spared by others, which wait up to half a minute: the lease does not wait.
        this.loop = new SupervisedLoop(
                "heartbeat-" + supervisor.database().instance(),
                supervisor,
                this::beat,
                lease.dividedBy(BEATS_PER_LEASE));
    }

    /** Registers the worker, so that no claim comes before its lease, and begins to beat. */
    void start() throws SQLException, InterruptedException {
        long sent = System.nanoTime();
        Settings.Read read = supervisor.controlWithin(
                supervisor.database().timeouts().operation(),
                connection -> table.register(connection, workerId, lease, report.get()));
        // From before the first try: the lease that was given may be as old as that.
        registered(sent, read);
        loop.start();
    }

    /** Beats now. */
    void wake() {
        loop.wake();
    }

    private void register() throws SQLException {
        long sent = System.nanoTime();
        registered(sent, supervisor.control(connection -> table.register(connection, workerId, lease, report.get())));
    }

    private void registered(long sent, Settings.Read read) {
        registered = true;
        renewed(sent, read);
    }

    /** Returns whether the settings have changed. */
    private boolean renewed(long sent, Settings.Read read) {
        clock.renewed(sent);
        boolean changed = settings.update(read);
        if (changed) {
            onSettings.run();
        }
        return changed;
    }

    private Duration beat() throws SQLException {
        long sent = System.nanoTime();
        Optional<Settings.Read> read;
        try {
            read = supervisor.control(connection -> table.renew(connection, workerId, lease, report.get()));
        } catch (SQLException failure) {
            supervisor.metrics().add(ConnectionMetrics.Counter.HEARTBEAT_FAILURES);
            throw failure;
        }
        if (read.isPresent()) {
            if (renewed(sent, read.get())) {
                // What this beat has told of this worker is not true any more.
                return Duration.ZERO;
            }
        } else {
            LOG.warn("Worker {} was declared dead: its jobs were given to others, it goes on with new ones", workerId);
            onLost.run();
            register();
        }
        return lease.dividedBy(BEATS_PER_LEASE);
    }

    /** Stops beating and takes the row away, so that nobody waits for its end. */
    @Override
    public void close() {
        loop.stop();
        if (loop.join(CLOSE_LIMIT) && registered && supervisor.isUsable()) {
            try {
                supervisor.control(connection -> table.remove(connection, workerId));
            } catch (SQLException | RuntimeException theLeaseEndsByItself) {
                LOG.debug("Worker {} could not be removed", workerId, theLeaseEndsByItself);
            }
        }
    }
}
