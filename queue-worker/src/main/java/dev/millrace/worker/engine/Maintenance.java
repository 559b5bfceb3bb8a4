package dev.millrace.worker.engine;

import dev.millrace.connection.Plans;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JobTally;
import dev.millrace.migrations.SchemaName;
import java.sql.SQLException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one worker does for all while it leads: promotes due jobs, rescues jobs of dead workers, and keeps history in bounds. The lead
 * is a lease on database time, and over here at the latest when it is over there. Thread-safe.
 */
final class Maintenance implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Maintenance.class);

    /**
     * What is enqueued or retried to be due sooner than this is told to the leader; the rest it finds by itself, since it looks more
     * often.
     */
    static final Duration SOON = Duration.ofSeconds(3);

    private static final Duration TICK = Duration.ofMillis(2_500);
    /** However often it is told that something is due. */
    private static final long LOOK_GAP_NANOS = Duration.ofMillis(5).toNanos();

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);

    private final Supervisor supervisor;
    private final LeaderTable leader;
    private final MaintenanceTable table;
    private final Retention retention;
    private final String workerId;
    private final Duration lease;
    private final boolean campaigns;
    private final Lead lead;
    private final ServerClock serverClock = new ServerClock();
    private final JobEvents events;
    private final SupervisedLoop loop;
    private long orphansNanos;
    private long lookedNanos = System.nanoTime() - LOOK_GAP_NANOS;
    private volatile long rescueNotBeforeNanos = System.nanoTime();

    /**
     * Maintenance that has not begun.
     *
     * @param campaigns whether this worker may lead
     * @param events counts and tells what was promoted and rescued, and what became of history
     */
    Maintenance(Supervisor supervisor, String workerId, Duration lease, boolean campaigns, JobEvents events) {
        this.events = events;
        SchemaName schema = supervisor.database().schema();
        this.supervisor = supervisor;
        this.leader = new LeaderTable(schema);
        this.table = new MaintenanceTable(schema);
        this.workerId = workerId;
        this.lease = lease;
        this.campaigns = campaigns;
        Duration half = lease.dividedBy(2);
        this.lead = new Lead(half.compareTo(LeaderTable.MAX_LEAD) < 0 ? half : LeaderTable.MAX_LEAD);
        this.retention = new Retention(supervisor, new HistoryTable(schema, leader), workerId, lead, events);
        this.loop = new SupervisedLoop("maintenance-" + supervisor.database().instance(), supervisor, this::tick);
    }

    void start() {
        if (campaigns) {
            loop.start();
            retention.start();
        }
    }

    /** Whether this worker believed to lead when it last asked: good enough to save work, not for what must be done once. */
    boolean leads() {
        return lead.isHeld();
    }

    /** After an outage every lease may look dead although its worker lives: give all one lease to beat again. */
    void databaseIsBack() {
        rescueNotBeforeNanos = System.nanoTime() + lease.toNanos();
    }

    /** Somebody has told that a job is due within a moment. */
    void due() {
        if (lead.isHeld()) {
            loop.wake();
        }
    }

    /** A job that this worker has put off is due within a moment. A notice that is lost costs seconds, not the job. */
    void dueSoon() {
        if (lead.isHeld()) {
            loop.wake();
            return;
        }
        try {
            supervisor.work(table::notifyDue);
        } catch (SQLException | RuntimeException foundLater) {
            LOG.debug("The leader could not be told of a job that is due soon", foundLater);
        }
    }

    /** The lead may be free. */
    void campaign() {
        if (!lead.isHeld()) {
            loop.wake();
        }
    }

    /** Something may have been told that did not come. */
    void missed() {
        loop.wake();
        retention.settingsChanged();
    }

    /** The rules for history may have changed. */
    void settingsChanged() {
        retention.settingsChanged();
    }

    private Duration tick() throws SQLException {
        long now = System.nanoTime();
        if (now - lookedNanos < LOOK_GAP_NANOS) {
            return Duration.ofNanos(LOOK_GAP_NANOS - (now - lookedNanos));
        }
        MaintenanceTable.Outlook outlook;
        if (lead.isRenewalDue(now) || !lead.isHeld()) {
            outlook = supervisor.control(connection -> table.lead(connection, workerId, lead.length()));
            watchClock(outlook, now);
            if (outlook.term() == 0) {
                stepDown();
                return lead.length().dividedBy(4);
            }
            if (lead.renewed(outlook.term(), now)) {
                LOG.debug("Worker {} leads, term {}", workerId, outlook.term());
                orphansNanos = now - lease.toNanos();
                retention.wake();
            }
        } else {
            outlook = supervisor.work(Plans.BY_INDEX, table::look);
            watchClock(outlook, now);
        }
        lookedNanos = System.nanoTime();
        long promoted = outlook.nextDueMillis() <= 0 ? promote() : 0;
        if (outlook.clockSetBack()) {
            int rebased = supervisor.work(table::rebase);
            LOG.warn("The clock of the database was set back: the leases of {} workers count from now", rebased);
        }
        // However much is due: the jobs of the dead do not wait for the end of it.
        rescue(now, outlook.deadWorkers());
        if (promoted == MaintenanceTable.BATCH) {
            return Duration.ZERO;
        }
        if (promoted > 0) {
            return Duration.ofNanos(LOOK_GAP_NANOS);
        }
        // A due job that could not be promoted is locked by someone: it must not make this loop spin.
        boolean soon = outlook.nextDueMillis() > 0 && outlook.nextDueMillis() < TICK.toMillis();
        return soon ? Duration.ofMillis(outlook.nextDueMillis() + 1) : TICK;
    }

    private long promote() throws SQLException {
        JobTally promoted = supervisor.work(Plans.BY_INDEX, table::promote);
        events.promoted(promoted);
        return promoted.total();
    }

    /** A clock that was set forward makes every lease look dead although its worker lives, as an outage does. */
    private void watchClock(MaintenanceTable.Outlook outlook, long sentNanos) {
        if (serverClock.wasSet(outlook.serverMicros(), sentNanos, System.nanoTime())) {
            LOG.info("The clock of the database was set: nobody is declared dead for one lease");
            databaseIsBack();
        }
    }

    private void stepDown() {
        if (lead.term() != 0) {
            LOG.debug("Worker {} leads no more", workerId);
            lead.lost();
        }
    }

    private void rescue(long now, boolean deadWorkers) throws SQLException {
        boolean orphansDue = now - orphansNanos >= lease.toNanos();
        if ((!deadWorkers && !orphansDue) || now - rescueNotBeforeNanos < 0) {
            return;
        }
        if (!supervisor.work(connection -> table.serverUpFor(connection, lease))) {
            return;
        }
        long rescued = 0;
        JobTally moved;
        do {
            moved = supervisor.work(table::rescue);
            events.rescued(moved);
            rescued += moved.total();
        } while (moved.total() == MaintenanceTable.BATCH && lead.isHeld() && !loop.isStopped());
        if (rescued > 0) {
            LOG.info("Rescued {} jobs of workers that stopped renewing their lease", rescued);
        }
        orphansNanos = now;
        supervisor.work(table::removeDeadWorkers);
    }

    /** Hands the lead over at once. */
    @Override
    public void close() {
        retention.stop();
        loop.stop();
        if (!campaigns) {
            return;
        }
        boolean ended = loop.join(CLOSE_LIMIT);
        ended = retention.join(CLOSE_LIMIT) && ended;
        if (ended && lead.term() != 0 && supervisor.isUsable()) {
            try {
                supervisor.control(connection -> leader.resign(connection, workerId));
            } catch (SQLException | RuntimeException theLeadEndsByItself) {
                LOG.debug("Worker {} could not resign", workerId, theLeadEndsByItself);
            }
        }
        lead.lost();
    }
}
