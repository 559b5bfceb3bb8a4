package dev.millrace.worker.handler;

/**
 * Code for one kind of job. Returning means done; an exception is a failed attempt, tried again by the retry policy. A job may
 * run more than once, so its effects should be idempotent or be written together with the completion
 * ({@link RunningJob#completeIn}). Called by many threads at once.
 *
 * @param <A> type of the arguments
 */
@FunctionalInterface
public interface Handler<A> {
    void handle(RunningJob job, A args) throws Exception;
}
