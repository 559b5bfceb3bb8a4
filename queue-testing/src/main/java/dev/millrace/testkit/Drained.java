package dev.millrace.testkit;

import dev.millrace.worker.engine.InlineEngine.Ended;
import java.util.List;
import java.util.Map;

/**
 * What {@link TestQueue#drain} did.
 *
 * @param attempts by what they came to
 * @param failures what handlers threw, in order
 */
public record Drained(Map<Ended, Integer> attempts, List<Throwable> failures) {

    /** Attempts that completed their job. */
    public int completed() {
        return count(Ended.COMPLETED);
    }

    /** Failed, and wait for their next attempt. */
    public int retryable() {
        return count(Ended.RETRYABLE);
    }

    /** Attempts that ended in a snooze. */
    public int snoozed() {
        return count(Ended.SNOOZED);
    }

    /** Attempts that ended in a cancelled job. */
    public int cancelled() {
        return count(Ended.CANCELLED);
    }

    /** Attempts after which the job was discarded. */
    public int discarded() {
        return count(Ended.DISCARDED);
    }

    /**
     * Returns itself if no handler threw.
     *
     * @throws AssertionError with the first failure as its cause, the others suppressed
     */
    public Drained requireNoFailure() {
        if (!failures.isEmpty()) {
            AssertionError error =
                    new AssertionError(failures.size() + " of " + attempts + " attempts failed", failures.get(0));
            failures.stream().skip(1).forEach(error::addSuppressed);
            throw error;
        }
        return this;
    }

    private int count(Ended ended) {
        return attempts.getOrDefault(ended, 0);
    }
}
