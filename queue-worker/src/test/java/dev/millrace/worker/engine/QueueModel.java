package dev.millrace.worker.engine;

import dev.millrace.job.JobState;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the queue is to do, in plain memory: no SQL, no batches, no concurrency. */
final class QueueModel {

    final Map<Long, ModelJob> jobs = new TreeMap<>();
    /** Who holds which key. */
    final Map<String, Long> keys = new HashMap<>();

    boolean paused;
    long removed;

    ModelJob enqueue(
            long id, boolean later, int priority, int maxAttempts, @Nullable String word, Set<JobState> uniqueStates) {
        ModelJob job = new ModelJob(
                id, later ? JobState.SCHEDULED : JobState.AVAILABLE, priority, maxAttempts, word, uniqueStates);
        jobs.put(id, job);
        if (word != null) {
            keys.put(word, id);
        }
        return job;
    }

    /** What a claim must return, in its order. */
    List<ModelJob> claimable(int limit) {
        if (paused) {
            return List.of();
        }
        return jobs.values().stream()
                .filter(job -> job.state == JobState.AVAILABLE && !job.locked)
                .sorted(Comparator.<ModelJob>comparingInt(job -> job.priority).thenComparingLong(job -> job.runOrder))
                .limit(limit)
                .toList();
    }

    void claimed(ModelJob job, String worker) {
        job.state = JobState.RUNNING;
        job.attempt++;
        job.maxAttempts = Math.max(job.maxAttempts, job.attempt);
        job.worker = worker;
        releaseKeyIn(job, JobState.RUNNING);
    }

    /** The fence: whether a lease still stands. */
    boolean holds(LeasedJob lease) {
        ModelJob job = jobs.get(lease.id());
        return job != null && job.state == JobState.RUNNING && job.runOrder == lease.token();
    }

    void finish(long id, JobState state) {
        ModelJob job = job(id);
        job.state = state;
        job.cancelRequested = false;
        job.ended++;
        releaseKeyIn(job, state);
    }

    void defer(long id, JobState state, boolean refunded, boolean due) {
        ModelJob job = job(id);
        job.attempt -= refunded ? 1 : 0;
        job.due = due;
        leave(job, state);
    }

    void release(long id) {
        ModelJob job = job(id);
        job.attempt--;
        job.worker = null;
        leave(job, JobState.AVAILABLE);
    }

    void rescue(ModelJob job) {
        leave(job, job.attempt >= job.maxAttempts ? JobState.DISCARDED : JobState.AVAILABLE);
    }

    /** A cancel that was asked for holds whatever the attempt came to. */
    private void leave(ModelJob job, JobState state) {
        JobState next = job.cancelRequested ? JobState.CANCELLED : state;
        if (next.isFinal()) {
            finish(job.id, next);
        } else {
            job.state = next;
        }
    }

    String cancel(long id) {
        ModelJob job = jobs.get(id);
        if (job == null) {
            return "not_found";
        }
        if (job.state.isFinal()) {
            return "final";
        }
        if (job.state == JobState.RUNNING) {
            job.cancelRequested = true;
            return "requested";
        }
        finish(id, JobState.CANCELLED);
        return "cancelled";
    }

    String retry(long id) {
        ModelJob job = jobs.get(id);
        if (job == null) {
            return "not_found";
        }
        if (job.state == JobState.AVAILABLE || job.state == JobState.RUNNING) {
            return job.state.sql();
        }
        if (job.state.isFinal()) {
            if (job.word != null) {
                Long holder = keys.putIfAbsent(job.word, id);
                if (holder != null && holder != id) {
                    return "key_taken";
                }
            }
            job.ended--;
        }
        job.state = JobState.AVAILABLE;
        job.maxAttempts = Math.max(job.maxAttempts, job.attempt + 1);
        return "retried";
    }

    String edit(long id, int priority) {
        ModelJob job = jobs.get(id);
        if (job == null) {
            return "not_found";
        }
        if (!job.state.isWaiting()) {
            return "not_waiting";
        }
        job.priority = priority;
        return "changed";
    }

    String delete(long id) {
        ModelJob job = jobs.get(id);
        if (job == null) {
            return "not_found";
        }
        if (job.state == JobState.RUNNING) {
            return "running";
        }
        jobs.remove(id);
        removed++;
        if (job.word != null) {
            keys.remove(job.word, id);
        }
        return "deleted";
    }

    /** Jobs that a promotion makes available. */
    List<ModelJob> promotable() {
        return jobs.values().stream()
                .filter(job -> job.due && (job.state == JobState.SCHEDULED || job.state == JobState.RETRYABLE))
                .toList();
    }

    /** Whether an open claim may be about to release this key: whoever wants it waits for the end of that transaction. */
    boolean isLocked(@Nullable String word) {
        ModelJob holder = word == null ? null : jobs.get(keys.getOrDefault(word, -1L));
        return holder != null && holder.locked;
    }

    private void releaseKeyIn(ModelJob job, JobState state) {
        if (job.word != null && !job.uniqueStates.contains(state)) {
            keys.remove(job.word, job.id);
        }
    }

    private ModelJob job(long id) {
        ModelJob job = jobs.get(id);
        if (job == null) {
            throw new AssertionError("No job " + id);
        }
        return job;
    }
}
