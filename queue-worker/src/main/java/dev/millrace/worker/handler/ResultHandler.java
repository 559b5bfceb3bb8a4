package dev.millrace.worker.handler;

/**
 * A {@link Handler} whose outcome is a value: done with or without output, snooze, cancel, retry at a chosen time, fail,
 * discard. An exception is a failed attempt. Called by many threads at once.
 *
 * @param <A> type of the arguments
 */
@FunctionalInterface
public interface ResultHandler<A> {
    Result handle(RunningJob job, A args) throws Exception;
}
