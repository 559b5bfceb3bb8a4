package dev.millrace.worker.engine;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.RetryPolicy;
import dev.millrace.worker.handler.Handlers.Registration;
import dev.millrace.worker.handler.LeaseLostException;
import dev.millrace.worker.handler.Result;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs one job on the calling thread: decodes, calls the handler, turns what happened into an outcome. Thread-safe. */
final class Runner {

    private static final Logger LOG = LoggerFactory.getLogger(Runner.class);

    private final Map<String, Registration<?>> handlers;
    private final ArgsCodec codec;
    private final AttemptError errors;
    private final Consumer<Outcome> outcomes;

    Runner(Map<String, Registration<?>> handlers, ArgsCodec codec, AttemptError errors, Consumer<Outcome> outcomes) {
        this.handlers = handlers;
        this.codec = codec;
        this.errors = errors;
        this.outcomes = outcomes;
    }

    /** Never throws: whatever a handler does is an outcome of its job. */
    void run(Execution execution) {
        LeasedJob job = execution.job();
        Registration<?> registration = handlers.get(job.kind());
        if (registration == null) {
            // The claim asks only for kinds that have handlers.
            outcomes.accept(new Outcome.Release(job));
            return;
        }
        if (execution.cause() == Execution.Cause.OPERATOR) {
            // Before it began: nothing has happened that its attempt could count for.
            outcomes.accept(new Outcome.Finalize(job, "cancelled", null, null));
            return;
        }
        Outcome outcome;
        execution.begin(Thread.currentThread());
        try {
            outcome = outcome(job, call(registration, execution));
        } catch (Throwable failure) {
            outcome = failed(execution, failure, registration.retryPolicy());
        } finally {
            execution.end();
            // Clears an interrupt meant for this job: the next one on this thread must not get it.
            Thread.interrupted();
        }
        outcomes.accept(outcome);
    }

    /** The codec vouches for an instance of the type that the registration pairs with its handler. */
    @SuppressWarnings("unchecked")
    private <A> Result call(Registration<A> registration, Execution execution) throws Exception {
        A args = (A) codec.decode(execution.job().args(), registration.type().argsType());
        return registration.handler().handle(execution, args);
    }

    private Outcome outcome(LeasedJob job, Result result) {
        if (result instanceof Result.Done done) {
            Object output = done.output();
            return new Outcome.Finalize(
                    job, "completed", output == null ? null : Storable.json(codec.encode(output)), null);
        }
        if (result instanceof Result.Snooze snooze) {
            return new Outcome.Defer(job, "scheduled", micros(snooze.delay()), true, null);
        }
        if (result instanceof Result.Cancel cancel) {
            return new Outcome.Finalize(job, "cancelled", null, errors.of(job, "cancelled", cancel.reason()));
        }
        if (result instanceof Result.Retry retry) {
            return again(job, retry.delay(), errors.of(job, "retry", retry.reason()));
        }
        throw new IllegalStateException("The handler of kind " + job.kind() + " returned null, not a Result");
    }

    private Outcome failed(Execution execution, Throwable failure, RetryPolicy policy) {
        LeasedJob job = execution.job();
        if (failure instanceof LeaseLostException) {
            LOG.warn("Job {} ({}) lost its lease while it ran: {}", job.id(), job.kind(), failure.getMessage());
        } else {
            LOG.debug(
                    "Job {} ({}) failed in attempt {} of {}",
                    job.id(),
                    job.kind(),
                    job.attempt(),
                    job.maxAttempts(),
                    failure);
        }
        Execution.Cause cause = execution.cause();
        if (cause == Execution.Cause.CLOSE || cause == Execution.Cause.LEASE) {
            // Stopped by the worker, not by its own fault: the attempt does not count.
            return new Outcome.Release(job);
        }
        if (cause == Execution.Cause.OPERATOR) {
            return new Outcome.Finalize(job, "cancelled", null, errors.of(job, failure));
        }
        String error = cause == Execution.Cause.TIMEOUT
                ? errors.of(job, "timeout", "The attempt ran longer than its timeout of " + job.timeout())
                : errors.of(job, failure);
        Duration delay;
        try {
            delay = policy.delay(job.attempt(), failure);
        } catch (RuntimeException brokenPolicy) {
            LOG.warn("The retry policy of kind {} failed, the default is used", job.kind(), brokenPolicy);
            delay = RetryPolicy.exponential().delay(job.attempt(), failure);
        }
        return again(job, delay, error);
    }

    private static Outcome again(LeasedJob job, Duration delay, String error) {
        return job.attempt() >= job.maxAttempts()
                ? new Outcome.Finalize(job, "discarded", null, error)
                : new Outcome.Defer(job, "retryable", micros(delay), false, error);
    }

    /** PostgreSQL's time ends in the year 294276: a delay beyond a century is taken as a century. */
    private static long micros(Duration delay) {
        Duration most = Duration.ofDays(36_500);
        if (delay.isNegative()) {
            return 0;
        }
        return (delay.compareTo(most) > 0 ? most : delay).toNanos() / 1_000;
    }
}
