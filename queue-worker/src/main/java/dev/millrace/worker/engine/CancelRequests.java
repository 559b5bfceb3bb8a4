package dev.millrace.worker.engine;

import dev.millrace.connection.State;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks handlers to stop whose jobs somebody has cancelled. Looks when a notification says so, after every reconnect, twice a second
 * while notifications do not arrive, and now and then in any case; not at all while nothing runs.
 */
final class CancelRequests implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CancelRequests.class);

    private static final Duration WITHOUT_NOTIFICATIONS = Duration.ofMillis(500);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);

    private final Supervisor supervisor;
    private final JobTable table;
    private final Leases leases;
    private final String workerId;
    private final Duration backstop;
    private final SupervisedLoop loop;

    CancelRequests(Supervisor supervisor, JobTable table, Leases leases, String workerId, Duration lease) {
        this.supervisor = supervisor;
        this.table = table;
        this.leases = leases;
        this.workerId = workerId;
        this.backstop = lease.dividedBy(2);
        this.loop =
                new SupervisedLoop("cancel-requests-" + supervisor.database().instance(), supervisor, this::look);
    }

    void start() {
        loop.start();
    }

    void wake() {
        loop.wake();
    }

    private Duration look() throws SQLException {
        if (leases.size() > 0) {
            Set<Long> tokens = supervisor.work(connection -> table.cancelRequests(connection, workerId));
            if (!tokens.isEmpty()) {
                leases.all().stream()
                        .filter(execution -> tokens.contains(execution.leaseToken()))
                        .filter(execution -> execution.cancel(Execution.Cause.OPERATOR))
                        .forEach(execution -> LOG.info(
                                "Job {} ({}) is cancelled: {}",
                                execution.id(),
                                execution.kind(),
                                Execution.Cause.OPERATOR.text()));
            }
        }
        return supervisor.state() == State.DEGRADED ? WITHOUT_NOTIFICATIONS : backstop;
    }

    @Override
    public void close() {
        loop.stop();
        loop.join(CLOSE_LIMIT);
    }
}
