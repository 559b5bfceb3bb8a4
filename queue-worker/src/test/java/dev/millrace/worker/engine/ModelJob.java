package dev.millrace.worker.engine;

import dev.millrace.job.JobState;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A job as {@link QueueModel} knows it. */
final class ModelJob {

    final long id;
    final @Nullable String word;
    final Set<JobState> uniqueStates;
    JobState state;
    int priority;
    int attempt;
    int maxAttempts;
    boolean due;
    boolean cancelRequested;

    @Nullable String worker;
    /** Place in its lane while it waits, lease token while it runs; as read from the database. */
    long runOrder;
    /** How often its life ended, not counting what an operator took back. */
    int ended;
    /** Locked by a claim whose transaction is open. */
    boolean locked;

    ModelJob(
            long id, JobState state, int priority, int maxAttempts, @Nullable String word, Set<JobState> uniqueStates) {
        this.id = id;
        this.state = state;
        this.priority = priority;
        this.maxAttempts = maxAttempts;
        this.word = word;
        this.uniqueStates = uniqueStates;
    }

    /** As the check reads it from the database. */
    String line() {
        return id + " " + state.sql() + " p" + priority + " a" + attempt + "/" + maxAttempts + " " + worker
                + (cancelRequested ? " cancel" : "");
    }
}
