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
    /**
     * Runs one attempt, on a slot's thread: virtual from JDK 24 on.
     *
     * @param job what is known of the attempt, and what can be done with it
     * @param args decoded from the job's JSON
     * @throws Exception of any kind: the attempt has failed
     */
    void handle(RunningJob job, A args) throws Exception;
}
