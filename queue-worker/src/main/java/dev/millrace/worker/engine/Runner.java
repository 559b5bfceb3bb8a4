package dev.millrace.worker.engine;

import dev.millrace.error.MillraceException;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.RetryPolicy;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.Handlers.Registration;
import dev.millrace.worker.handler.LeaseLostException;
import dev.millrace.worker.handler.OutputTooLargeException;
import dev.millrace.worker.handler.Result;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs one job on the calling thread: decodes, calls the handler, turns what happened into an outcome. Thread-safe. */
final class Runner {

    private static final Logger LOG = LoggerFactory.getLogger(Runner.class);

    private final Map<String, Registration<?>> handlers;
    private final List<HandlerInterceptor> interceptors;
    private final ArgsCodec codec;
    private final Outputs outputs;
    private final AttemptError errors;
    private final JobEvents events;
    private final Consumer<Outcome> outcomes;
    private final RetryDelays delays = new RetryDelays();

    Runner(WorkerConfig config, Outputs outputs, AttemptError errors, JobEvents events, Consumer<Outcome> outcomes) {
        this.handlers = config.handlers();
        this.interceptors = config.interceptors();
        this.codec = config.codec();
        this.outputs = outputs;
        this.errors = errors;
        this.events = events;
        this.outcomes = outcomes;
    }

    /** Never throws: whatever a handler does is an outcome of its job. */
    void run(Execution execution) {
        LeasedJob job = execution.job();
        Registration<?> registration = handlers.get(job.kind());
        if (registration == null) {
            // The claim asks only for kinds that have handlers.
            conclude(execution, new Outcome.Release(job));
            return;
        }
        Execution.Cause cause = execution.cause();
        if (cause != null && cause.isOfWorker()) {
            // Before it began: others have it already, or may have it.
            conclude(execution, new Outcome.Release(job));
            return;
        }
        if (cause == Execution.Cause.OPERATOR) {
            // Before it began: nothing has happened that its attempt could count for.
            conclude(execution, new Outcome.Finalize(job, "cancelled", null, null));
            return;
        }
        events.started(execution);
        Outcome outcome;
        execution.begin(Thread.currentThread());
        try {
            outcome = outcome(job, call(registration, execution), registration.retryPolicy());
        } catch (Throwable failure) {
            outcome = failed(execution, failure, registration.retryPolicy());
        } finally {
            execution.end();
            // Clears an interrupt meant for this job: the next one on this thread must not get it.
            Thread.interrupted();
        }
        conclude(execution, outcome);
    }

    private void conclude(Execution execution, Outcome outcome) {
        if (execution.decide()) {
            outcomes.accept(outcome);
        } else {
            LOG.info(
                    "Job {} ({}) was given up or back before its handler ended, whose result is ignored",
                    execution.id(),
                    execution.kind());
        }
    }

    /**
     * What becomes of a job whose handler does not stop when asked, as if it had thrown at this moment. Null if the handler has
     * ended meanwhile.
     */
    @Nullable Outcome abandon(Execution execution) {
        LeasedJob job = execution.job();
        Registration<?> registration = handlers.get(job.kind());
        StackTraceElement[] place = execution.place();
        if (registration == null || !execution.decide()) {
            return null;
        }
        TimeoutException failure = new TimeoutException("Its handler did not stop when asked, and still runs");
        failure.setStackTrace(place);
        return failed(execution, failure, registration.retryPolicy());
    }

    private Result call(Registration<?> registration, Execution execution) throws Exception {
        HandlerInterceptor.Next next = args -> handle(registration, execution, args);
        for (int i = interceptors.size() - 1; i >= 0; i--) {
            HandlerInterceptor interceptor = interceptors.get(i);
            HandlerInterceptor.Next inner = next;
            next = args -> interceptor.intercept(execution, args, inner);
        }
        return next.proceed(execution.job().args());
    }

    /** The codec vouches for an instance of the type that the registration pairs with its handler. */
    @SuppressWarnings("unchecked")
    private <A> Result handle(Registration<A> registration, Execution execution, String json) throws Exception {
        A args = (A) codec.decode(json, registration.type().argsType());
        return registration.handler().handle(execution, args);
    }

    private Outcome outcome(LeasedJob job, Result result, RetryPolicy policy) {
        if (result instanceof Result.Done done) {
            return done(job, done.output());
        }
        if (result instanceof Result.Snooze snooze) {
            return new Outcome.Defer(job, "scheduled", micros(snooze.delay()), null, true, null);
        }
        if (result instanceof Result.SnoozeUntil snooze) {
            return new Outcome.Defer(job, "scheduled", 0, snooze.moment(), true, null);
        }
        if (result instanceof Result.Cancel cancel) {
            return new Outcome.Finalize(job, "cancelled", null, errors.of(job, "cancelled", cancel.reason()));
        }
        if (result instanceof Result.Retry retry) {
            return again(job, retry.delay(), null, errors.of(job, "retry", retry.reason()));
        }
        if (result instanceof Result.RetryAt retry) {
            return again(job, Duration.ZERO, retry.moment(), errors.of(job, "retry", retry.reason()));
        }
        if (result instanceof Result.Fail fail) {
            Duration delay = delays.after(job, policy, new MillraceException(fail.reason()));
            return again(job, delay, null, errors.of(job, "failed", fail.reason()));
        }
        if (result instanceof Result.Discard discard) {
            return new Outcome.Finalize(job, "discarded", null, errors.of(job, "discarded", discard.reason()));
        }
        throw new IllegalStateException(
                "The handler of kind " + job.kind() + ", or an interceptor, returned null, not a Result");
    }

    /** The work is done: output that can't be kept is no reason to do it again. */
    private Outcome done(LeasedJob job, @Nullable Object output) {
        if (output == null) {
            return new Outcome.Finalize(job, "completed", null, null);
        }
        try {
            return new Outcome.Finalize(job, "completed", outputs.json(job, output), null);
        } catch (OutputTooLargeException tooLarge) {
            return withoutOutput(job, "output_too_large", tooLarge);
        } catch (RuntimeException | StackOverflowError unwritable) {
            return withoutOutput(job, "output_not_writable", unwritable);
        }
    }

    private Outcome withoutOutput(LeasedJob job, String type, Throwable reason) {
        LOG.warn("Job {} ({}) is completed without its output: {}", job.id(), job.kind(), reason.toString());
        return new Outcome.Finalize(job, "completed", null, errors.of(job, type, reason.toString()));
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
        if (cause != null && cause.isOfWorker()) {
            // Stopped by the worker, not by its own fault: the attempt does not count.
            return new Outcome.Release(job);
        }
        if (cause == Execution.Cause.OPERATOR) {
            return new Outcome.Finalize(job, "cancelled", null, errors.of(job, failure));
        }
        String error = cause == Execution.Cause.TIMEOUT
                ? errors.of(job, "timeout", "The attempt ran longer than its timeout of " + job.timeout(), failure)
                : errors.of(job, failure);
        return again(job, delays.after(job, policy, failure), null, error);
    }

    private static Outcome again(LeasedJob job, Duration delay, @Nullable Instant until, String error) {
        return job.attempt() >= job.maxAttempts()
                ? new Outcome.Finalize(job, "discarded", null, error)
                : new Outcome.Defer(job, "retryable", micros(delay), until, false, error);
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
