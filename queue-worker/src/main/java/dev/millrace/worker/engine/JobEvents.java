package dev.millrace.worker.engine;

import dev.millrace.connection.Events;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.GuardedMeter;
import dev.millrace.job.JobEvent;
import dev.millrace.job.JobMeter.Count;
import dev.millrace.job.JobMeter.History;
import dev.millrace.job.JobTally;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Counts what happens to jobs and tells the receiver of job events, where there are such; makes no event for nobody. Thread-safe. */
final class JobEvents implements AutoCloseable {

    private static final int BOUND = 10_000;

    private final String workerId;
    private final @Nullable Events<JobEvent> events;
    private final GuardedMeter meter;

    JobEvents(Supervisor supervisor, String workerId, @Nullable Consumer<JobEvent> receiver, GuardedMeter meter) {
        this.workerId = workerId;
        this.meter = meter;
        this.events = receiver == null
                ? null
                : new Events<>("job-events-" + supervisor.database().instance(), BOUND, receiver, supervisor.metrics());
    }

    void workerUp() {
        if (events != null) {
            events.tell(new JobEvent.WorkerUp(workerId));
        }
    }

    void claimed(LeasedJob job) {
        if (events != null) {
            events.tell(new JobEvent.Claimed(attempt(job)));
        }
    }

    /** This worker leads, and has taken jobs from workers that are dead. */
    void rescued(JobTally jobs) {
        jobs.tell(meter, Count.RESCUED);
        if (events != null && jobs.total() > 0) {
            events.tell(new JobEvent.Rescued((int) jobs.total()));
        }
    }

    /** This worker leads, and has made due jobs available. */
    void promoted(JobTally jobs) {
        jobs.tell(meter, Count.PROMOTED);
    }

    /** This worker leads, and has done this to the history. */
    void history(History what, long amount) {
        if (amount > 0) {
            meter.count(what, amount);
        }
    }

    /** The handler is about to be called. */
    void started(Execution execution) {
        LeasedJob job = execution.job();
        if (meter.isUsed()) {
            count(Count.STARTED, job);
            meter.waited(job.queue(), job.kind(), execution.waited());
        }
        if (events != null) {
            events.tell(new JobEvent.Started(attempt(job)));
        }
    }

    void abandoned(Execution execution) {
        count(Count.ABANDONED, execution.job());
        if (events != null) {
            events.tell(new JobEvent.Abandoned(attempt(execution.job()), execution.ran()));
        }
    }

    void leaseLost(LeasedJob job) {
        count(Count.LEASE_LOST, job);
        if (events != null) {
            events.tell(new JobEvent.LeaseLost(attempt(job)));
        }
    }

    /** The handler has completed the job in a transaction of its own. */
    void completed(LeasedJob job, Execution execution) {
        if (meter.isUsed() || events != null) {
            ended(new JobEvent.Completed(attempt(job), execution.ran()), execution);
        }
    }

    /**
     * The database has accepted this.
     *
     * @param cancelled whether it has cancelled the job instead, since somebody had asked for that
     */
    void accepted(Outcome outcome, @Nullable Execution execution, boolean cancelled) {
        if (meter.isUsed() || events != null) {
            ended(cancelled ? new JobEvent.Cancelled(attempt(outcome.job())) : event(outcome, execution), execution);
        }
    }

    private void ended(JobEvent.OfAttempt event, @Nullable Execution execution) {
        String queue = event.attempt().queue();
        String kind = event.attempt().kind();
        for (Count what : counts(event)) {
            meter.count(what, queue, kind, 1);
        }
        if (execution != null && execution.hasBegun()) {
            meter.ran(queue, kind, execution.ran());
        }
        if (events != null) {
            events.tell(event);
        }
    }

    private static List<Count> counts(JobEvent.OfAttempt event) {
        if (event instanceof JobEvent.Completed) {
            return List.of(Count.COMPLETED);
        }
        if (event instanceof JobEvent.Failed) {
            return List.of(Count.FAILED, Count.RETRIED);
        }
        if (event instanceof JobEvent.Discarded) {
            return List.of(Count.FAILED, Count.DISCARDED);
        }
        if (event instanceof JobEvent.Snoozed) {
            return List.of(Count.SNOOZED);
        }
        return List.of(event instanceof JobEvent.Cancelled ? Count.CANCELLED : Count.RELEASED);
    }

    private void count(Count what, LeasedJob job) {
        meter.count(what, job.queue(), job.kind(), 1);
    }

    private JobEvent.OfAttempt event(Outcome outcome, @Nullable Execution execution) {
        JobEvent.Attempt attempt = attempt(outcome.job());
        if (outcome instanceof Outcome.Defer defer) {
            Instant until = defer.until();
            Instant next = until == null
                    ? Instant.now().plus(defer.delayMicros(), ChronoUnit.MICROS).truncatedTo(ChronoUnit.MILLIS)
                    : until;
            return defer.refunded()
                    ? new JobEvent.Snoozed(attempt, next)
                    : new JobEvent.Failed(attempt, Objects.requireNonNullElse(defer.error(), "{}"), next);
        }
        if (outcome instanceof Outcome.Finalize finalized) {
            return switch (finalized.state()) {
                case "completed" ->
                    new JobEvent.Completed(attempt, execution == null ? Duration.ZERO : execution.ran());
                case "cancelled" -> new JobEvent.Cancelled(attempt);
                default -> new JobEvent.Discarded(attempt, Objects.requireNonNullElse(finalized.error(), "{}"));
            };
        }
        return new JobEvent.Released(attempt);
    }

    private JobEvent.Attempt attempt(LeasedJob job) {
        return new JobEvent.Attempt(job.id(), job.kind(), job.queue(), job.attempt(), job.maxAttempts(), workerId);
    }

    /** Tells that the worker is down, and what still waits if the receiver is quick. */
    @Override
    public void close() {
        if (events != null) {
            events.tell(new JobEvent.WorkerDown(workerId));
            events.close();
        }
    }
}
