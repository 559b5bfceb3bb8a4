package dev.millrace.worker.engine;

import dev.millrace.connection.Events;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JobEvent;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Tells the receiver of job events, if there is one; makes no event where nobody listens. Thread-safe. */
final class JobEvents implements AutoCloseable {

    private static final int BOUND = 10_000;

    private final String workerId;
    private final @Nullable Events<JobEvent> events;

    JobEvents(Supervisor supervisor, String workerId, @Nullable Consumer<JobEvent> receiver) {
        this.workerId = workerId;
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
    void rescued(int jobs) {
        if (events != null) {
            events.tell(new JobEvent.Rescued(jobs));
        }
    }

    void started(LeasedJob job) {
        if (events != null) {
            events.tell(new JobEvent.Started(attempt(job)));
        }
    }

    void abandoned(Execution execution) {
        if (events != null) {
            events.tell(new JobEvent.Abandoned(attempt(execution.job()), execution.ran()));
        }
    }

    void leaseLost(LeasedJob job) {
        if (events != null) {
            events.tell(new JobEvent.LeaseLost(attempt(job)));
        }
    }

    /** The handler has completed the job in a transaction of its own. */
    void completed(LeasedJob job, Execution execution) {
        if (events != null) {
            events.tell(new JobEvent.Completed(attempt(job), execution.ran()));
        }
    }

    /** The database has accepted this. */
    void accepted(Outcome outcome, @Nullable Execution execution) {
        if (events != null) {
            events.tell(event(outcome, execution));
        }
    }

    private JobEvent event(Outcome outcome, @Nullable Execution execution) {
        JobEvent.Attempt attempt = attempt(outcome.job());
        if (!(outcome instanceof Outcome.Finalize)
                && execution != null
                && execution.cause() == Execution.Cause.OPERATOR) {
            // The database cancels it, whatever the attempt came to.
            return new JobEvent.Cancelled(attempt);
        }
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
