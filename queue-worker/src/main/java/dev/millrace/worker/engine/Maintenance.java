package dev.millrace.worker.engine;

import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one worker does for all while it leads: promotes due jobs, rescues jobs of dead workers, creates history partitions ahead.
 * The lead is a lease on database time; every task is safe even if two workers believed to lead.
 */
final class Maintenance implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Maintenance.class);

    private static final Duration MAX_LEAD = Duration.ofSeconds(10);
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Duration DAYS_EVERY = Duration.ofHours(1);
    private static final int DAYS_AHEAD = 3;
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);

    private final Supervisor supervisor;
    private final WorkerTable workers;
    private final MaintenanceTable table;
    private final String workerId;
    private final Duration lease;
    private final Duration lead;
    private final SupervisedLoop loop;
    private volatile long term;
    private long renewedNanos;
    private long orphansNanos;
    private long daysNanos;
    private volatile long rescueNotBeforeNanos = System.nanoTime();

    Maintenance(Supervisor supervisor, WorkerTable workers, MaintenanceTable table, String workerId, Duration lease) {
        this.supervisor = supervisor;
        this.workers = workers;
        this.table = table;
        this.workerId = workerId;
        this.lease = lease;
        Duration half = lease.dividedBy(2);
        this.lead = half.compareTo(MAX_LEAD) < 0 ? half : MAX_LEAD;
        this.loop = new SupervisedLoop("maintenance-" + supervisor.database().instance(), supervisor, this::tick);
    }

    void start() {
        loop.start();
    }

    /** Whether this worker believed to lead when it last asked: good enough to save work, not for what must be done once. */
    boolean leads() {
        return term != 0;
    }

    /** After an outage every lease may look dead although its worker lives: give all one lease to beat again. */
    void databaseIsBack() {
        rescueNotBeforeNanos = System.nanoTime() + lease.toNanos();
    }

    private Duration tick() throws SQLException {
        long now = System.nanoTime();
        if (term == 0 || now - renewedNanos > lead.toNanos() / 3) {
            long before = term;
            term = supervisor.control(connection -> workers.lead(connection, workerId, lead));
            renewedNanos = now;
            if (term == 0) {
                return lead.dividedBy(4);
            }
            if (before == 0) {
                LOG.debug("Worker {} leads, term {}", workerId, term);
                orphansNanos = now - lease.toNanos();
                daysNanos = now - DAYS_EVERY.toNanos();
            }
        }
        MaintenanceTable.Outlook outlook = supervisor.work(table::look);
        int promoted = outlook.nextDueMillis() <= 0 ? supervisor.work(table::promote) : 0;
        if (promoted == MaintenanceTable.BATCH) {
            return Duration.ZERO;
        }
        rescue(now, outlook.deadWorkers());
        if (now - daysNanos >= DAYS_EVERY.toNanos()) {
            daysNanos = now;
            ensureDays();
        }
        if (promoted > 0) {
            return Duration.ofMillis(1);
        }
        // A due job that could not be promoted is locked by someone: it must not make this loop spin.
        boolean soon = outlook.nextDueMillis() > 0 && outlook.nextDueMillis() < TICK.toMillis();
        return soon ? Duration.ofMillis(outlook.nextDueMillis() + 1) : TICK;
    }

    private void rescue(long now, boolean deadWorkers) throws SQLException {
        boolean orphansDue = now - orphansNanos >= lease.toNanos();
        if ((!deadWorkers && !orphansDue) || now - rescueNotBeforeNanos < 0) {
            return;
        }
        if (!supervisor.work(connection -> table.serverUpFor(connection, lease))) {
            return;
        }
        int rescued = 0;
        int moved;
        do {
            moved = supervisor.work(table::rescue);
            rescued += moved;
        } while (moved == MaintenanceTable.BATCH && !loop.isStopped());
        if (rescued > 0) {
            LOG.info("Rescued {} jobs of workers that stopped renewing their lease", rescued);
        }
        orphansNanos = now;
        supervisor.work(table::removeDeadWorkers);
    }

    private void ensureDays() throws SQLException {
        LocalDate today = LocalDate.now(ZoneOffset.UTC);
        for (int ahead = 0; ahead <= DAYS_AHEAD; ahead++) {
            LocalDate day = today.plusDays(ahead);
            supervisor.transaction(connection -> table.ensureDay(connection, day));
        }
    }

    /** Hands the lead over at once. */
    @Override
    public void close() {
        loop.stop();
        if (loop.join(CLOSE_LIMIT) && term != 0 && supervisor.isUsable()) {
            try {
                supervisor.control(connection -> workers.resign(connection, workerId));
            } catch (SQLException | RuntimeException theLeadEndsByItself) {
                LOG.debug("Worker {} could not resign", workerId, theLeadEndsByItself);
            }
        }
    }
}
