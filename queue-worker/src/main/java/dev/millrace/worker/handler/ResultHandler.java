package dev.millrace.worker.handler;

/**
 * A {@link Handler} whose outcome is a value: done with or without output, snooze, cancel, retry at a chosen time, fail,
 * discard. An exception is a failed attempt. Called by many threads at once.
 *
 * @param <A> type of the arguments
 */
@FunctionalInterface
public interface ResultHandler<A> {
    /**
     * Runs one attempt, on a slot's thread: virtual from JDK 24 on.
     *
     * @param job what is known of the attempt, and what can be done with it
     * @param args decoded from the job's JSON
     * @return what becomes of the job
     * @throws Exception of any kind: the attempt has failed
     */
    Result handle(RunningJob job, A args) throws Exception;
}
