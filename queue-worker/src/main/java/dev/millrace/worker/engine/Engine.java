package dev.millrace.worker.engine;

import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.Database;
import dev.millrace.connection.NotificationHandler;
import dev.millrace.connection.Supervisor;
import dev.millrace.error.MillraceException;
import dev.millrace.job.GuardedMeter;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.migrations.SchemaName;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts the parts of a worker together and takes them down in the one order that loses nothing. Thread-safe. */
public final class Engine implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

    private static final String AVAILABLE = "available ";
    /** For handlers to react to a cancel, and then to an interrupt. */
    private static final Duration CANCEL_GRACE = Duration.ofMillis(500);

    private static final Duration INTERRUPT_GRACE = Duration.ofSeconds(1);
    private static final Duration FLUSH_LIMIT = Duration.ofSeconds(3);

    private final Supervisor supervisor;
    private final WorkerConfig config;
    private final String workerId;
    private final Leases leases = new Leases();
    private final Settings settings = new Settings();
    private final Activity activity = new Activity();
    private final JobTable table;
    private final Completer completer;
    private final Heartbeat heartbeat;
    private final Maintenance maintenance;
    private final PeriodicScheduler periodic;
    private final Map<String, Claimer> claimers = new TreeMap<>();
    private final EmptyCheck emptyCheck;
    private final Deadlines deadlines;
    private final CancelRequests cancelRequests;
    private final JobEvents events;
    private final Runner runner;
    private final JacksonArgsCodec json = new JacksonArgsCodec();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final ReentrantLock starting = new ReentrantLock();
    private volatile @Nullable AutoCloseable listening;

    /** Takes the supervisor over: {@link #close} ends it. */
    public Engine(Supervisor supervisor, WorkerConfig config) {
        this.supervisor = supervisor;
        this.config = config;
        Database database = supervisor.database();
        SchemaName schema = database.schema();
        this.workerId = hostName() + "/" + database.instance() + "/"
                + Integer.toString(ThreadLocalRandom.current().nextInt(36 * 36 * 36 * 36), 36);
        this.table = new JobTable(schema, settings);
        AttemptError errors = new AttemptError(workerId);
        this.events = new JobEvents(supervisor, workerId, config.onJobEvent(), new GuardedMeter(config.meter()));
        this.maintenance = new Maintenance(supervisor, workerId, config.lease(), config.maintenance(), events);
        this.completer = new Completer(supervisor, table, leases, errors, events, activity, maintenance::dueSoon);
        WorkerTable workers = new WorkerTable(schema);
        LeaseClock lease = new LeaseClock(config.lease(), System.nanoTime());
        this.heartbeat = new Heartbeat(
                supervisor,
                workers,
                workerId,
                config.lease(),
                lease,
                this::report,
                settings,
                this::settingsChanged,
                this::leasesLost);
        this.deadlines = new Deadlines(supervisor, leases, lease, config.abandonAfter(), this::abandon);
        this.cancelRequests = new CancelRequests(supervisor, table, leases, workerId, config.lease());
        Outputs outputs = new Outputs(config.codec(), config.maxOutputBytes());
        this.runner = new Runner(config, outputs, errors, events, completer::submit);
        this.periodic = new PeriodicScheduler(supervisor, config.periodic(), config.codec(), maintenance::leads);
        Lending lending = new Lending(supervisor);
        String[] kinds = config.handlers().keySet().toArray(new String[0]);
        config.queues()
                .forEach((queue, slots) -> claimers.put(
                        queue,
                        new Claimer(
                                queue,
                                slots,
                                config.queueOptions().getOrDefault(queue, QueueOptions.DEFAULTS),
                                supervisor,
                                table,
                                leases,
                                workerId,
                                kinds,
                                config.pollInterval(),
                                job -> {
                                    events.claimed(job);
                                    return new Execution(job, table, outputs, lending);
                                },
                                runner,
                                this::release,
                                completer::isFull)));
        this.emptyCheck = new EmptyCheck(supervisor, schema, claimers.keySet(), kinds, this::isIdle);
    }

    public String workerId() {
        return workerId;
    }

    /**
     * Registers, then begins to claim. The database must be usable.
     *
     * @throws MillraceException if registering fails
     */
    public void start() throws InterruptedException {
        starting.lock();
        try {
            if (closed.get()) {
                return;
            }
            heartbeat.start();
            LOG.info(
                    "Worker {} starts on {}: {}, pool size {}",
                    workerId,
                    supervisor.database(),
                    config,
                    supervisor.database().poolSize());
            completer.start();
            deadlines.start();
            cancelRequests.start();
            supervisor.onUp(this::databaseIsBack);
            listening = supervisor.listen(new WakeUps());
            claimers.values().forEach(Claimer::start);
            maintenance.start();
            periodic.start(supervisor.database().timeouts().operation());
            events.workerUp();
        } catch (SQLException failure) {
            throw new MillraceException("Worker " + workerId + " could not register: " + failure.getMessage(), failure);
        } finally {
            starting.unlock();
        }
    }

    /** What is half started can't be taken down in order; a start is one statement. */
    private void awaitStarted() {
        try {
            if (starting.tryLock(FLUSH_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                starting.unlock();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether this worker does the maintenance for all. */
    public boolean isLeader() {
        return maintenance.leads();
    }

    /** Where the handler of a job is now, without frames of ours, innermost call first; empty if it does not run on this worker. */
    public List<StackTraceElement> stack(long jobId) {
        return leases.all().stream()
                .filter(execution -> execution.id() == jobId)
                .findFirst()
                .map(execution -> AttemptError.ofHandler(execution.place()))
                .orElse(List.of());
    }

    /** Whether no job is buffered, running or waiting to be written. */
    public boolean isIdle() {
        return leases.size() == 0 && completer.isDrained();
    }

    /**
     * Waits until the queues of this worker hold nothing more to do for its kinds: nothing available or running anywhere, and
     * nothing that failed and is due again within a minute.
     */
    public void awaitEmpty() throws InterruptedException {
        emptyCheck.await();
    }

    private void databaseIsBack() {
        maintenance.databaseIsBack();
        heartbeat.wake();
        cancelRequests.wake();
        claimers.values().forEach(Claimer::reconcile);
    }

    private void settingsChanged() {
        config.queues().forEach((queue, own) -> claimer(queue).resize(settings.slots(queue, own)));
    }

    private Claimer claimer(String queue) {
        return Objects.requireNonNull(claimers.get(queue), queue);
    }

    private WorkerTable.Report report() {
        Map<String, Integer> slots = new TreeMap<>();
        Map<String, Map<String, Long>> doing = new TreeMap<>();
        config.queues().forEach((queue, own) -> {
            slots.put(queue, settings.slots(queue, own));
            doing.put(
                    queue,
                    Map.of(
                            "busy", (long) claimer(queue).slots().busy(),
                            "finished", activity.finished(queue),
                            "failed", activity.failed(queue)));
        });
        return new WorkerTable.Report(json.encode(slots), json.encode(doing));
    }

    private void leasesLost() {
        leases.all().forEach(execution -> execution.cancel(Execution.Cause.LEASE));
    }

    /** Its slot stays taken by the thread for as long as that runs, so that stuck handlers can't become any number of threads. */
    private void abandon(Execution execution) {
        Outcome outcome = runner.abandon(execution);
        if (outcome != null) {
            supervisor.metrics().add(ConnectionMetrics.Counter.HANDLERS_ABANDONED);
            events.abandoned(execution);
            LOG.warn(
                    "The handler of job {} ({}) did not stop within {} ms of being asked: the job goes on without it, one slot of queue"
                            + " {} stays taken until it ends",
                    execution.id(),
                    execution.kind(),
                    config.abandonAfter().toMillis(),
                    execution.queue());
            completer.submitWithoutWaiting(List.of(outcome));
        }
    }

    /**
     * Stops claiming, gives back what has not begun, lets running jobs end within the grace, then cancels and interrupts them,
     * writes what is to be written, and disappears. Takes the grace and a few seconds at most, also without a database. May be
     * called from any thread, before start, and more than once.
     */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        awaitStarted();
        supervisor.drain();
        emptyCheck.close();
        long deadline = System.nanoTime() + config.grace().toNanos();
        claimers.values().forEach(Claimer::stop);
        long claimsEnd = System.nanoTime() + FLUSH_LIMIT.toNanos();
        claimers.values().forEach(claimer -> claimer.join(Duration.ofNanos(claimsEnd - System.nanoTime())));
        List<Execution> notBegun = new ArrayList<>();
        claimers.values().forEach(claimer -> notBegun.addAll(claimer.slots().close()));
        release(notBegun);
        if (!awaitIdle(deadline)) {
            stopRunning();
        }
        boolean flushed = flush();
        deadlines.close();
        cancelRequests.close();
        if (!flushed) {
            // The database does not answer: what would still be said to it would only be waited for.
            supervisor.close();
        }
        completer.close();
        periodic.close();
        maintenance.close();
        stopListening();
        heartbeat.close();
        supervisor.close();
        events.close();
        LOG.info("Worker {} has stopped", workerId);
    }

    /** Takes all waiting for running jobs out of a close that is under way or to come; returns at once. */
    public void hurry() {
        claimers.values().forEach(claimer -> claimer.slots().hurry());
    }

    private boolean awaitIdle(long deadlineNanos) {
        boolean idle = true;
        for (Claimer claimer : claimers.values()) {
            idle &= claimer.slots().awaitIdle(deadlineNanos);
        }
        return idle;
    }

    private void stopRunning() {
        leases.all().forEach(execution -> execution.cancel(Execution.Cause.CLOSE));
        if (awaitIdle(System.nanoTime() + CANCEL_GRACE.toNanos())) {
            return;
        }
        leases.all().forEach(Execution::interrupt);
        if (!awaitIdle(System.nanoTime() + INTERRUPT_GRACE.toNanos()) && leases.size() > 0) {
            LOG.warn(
                    "{} jobs did not stop when asked and are given back while their handlers still run", leases.size());
            // What a handler has completed in a transaction that is still open holds its row: to wait for that would
            // hold up
            // the outcomes of others.
            release(leases.all().stream()
                    .filter(execution -> !execution.completedInTransaction())
                    .toList());
        }
    }

    private void release(Collection<Execution> executions) {
        completer.submitWithoutWaiting(executions.stream()
                .filter(Execution::decide)
                .map(execution -> new Outcome.Release(execution.job()))
                .toList());
    }

    private boolean flush() {
        boolean flushed = false;
        try {
            Duration limit = supervisor.isUsable() ? FLUSH_LIMIT : CANCEL_GRACE;
            flushed = completer.awaitDrained(limit);
            if (!flushed) {
                LOG.warn(
                        "The database did not take {} outcomes in time: these jobs will run again when the lease is over",
                        leases.size());
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return flushed;
    }

    private void stopListening() {
        AutoCloseable current = listening;
        if (current != null) {
            try {
                current.close();
            } catch (Exception failure) {
                LOG.debug("Listening could not be ended", failure);
            }
        }
    }

    private static String hostName() {
        try {
            String name = InetAddress.getLocalHost().getHostName();
            return name.length() <= 40 ? name : name.substring(0, 40);
        } catch (UnknownHostException nameless) {
            return "localhost";
        }
    }

    /** Turns notifications into flags; runs on the listener's thread. */
    private final class WakeUps implements NotificationHandler {

        @Override
        public void notified(String payload) {
            if (payload.startsWith(AVAILABLE)) {
                Claimer claimer = claimers.get(payload.substring(AVAILABLE.length()));
                if (claimer != null) {
                    claimer.wake();
                }
                return;
            }
            switch (payload) {
                case "cancel" -> cancelRequests.wake();
                case "due" -> maintenance.due();
                case "leader" -> maintenance.campaign();
                case "settings" -> {
                    heartbeat.wake();
                    maintenance.settingsChanged();
                }
                default -> LOG.trace("Nothing to do for the notification '{}'", payload);
            }
        }

        @Override
        public void missed() {
            claimers.values().forEach(Claimer::wake);
            cancelRequests.wake();
            heartbeat.wake();
            maintenance.missed();
        }
    }
}
