package dev.millrace.worker.engine;

import java.util.HashMap;
import java.util.Map;

/** Counts, by queue, what ended within the last minute. In memory: a counter in the database would be a row that every job updates. Thread-safe. */
final class Activity {

    /** One slot for each second of the minute. */
    private static final int SECONDS = 60;

    private static final class Ring {
        private final long[] second = new long[SECONDS];
        private final long[] count = new long[SECONDS];

        void add(long now) {
            int slot = (int) (now % SECONDS);
            if (second[slot] != now) {
                second[slot] = now;
                count[slot] = 0;
            }
            count[slot]++;
        }

        long sum(long now) {
            long sum = 0;
            for (int slot = 0; slot < SECONDS; slot++) {
                sum += now - second[slot] < SECONDS ? count[slot] : 0;
            }
            return sum;
        }
    }

    private final long originNanos = System.nanoTime();
    private final Map<String, Ring> finished = new HashMap<>();
    private final Map<String, Ring> failed = new HashMap<>();

    /** A job was completed, or an attempt of it has failed; what else an attempt may come to is neither. */
    synchronized void ended(Outcome outcome) {
        if (outcome instanceof Outcome.Finalize end && end.state().equals("completed")) {
            count(finished, outcome);
        } else if ((outcome instanceof Outcome.Finalize end && end.state().equals("discarded"))
                || (outcome instanceof Outcome.Defer again && again.state().equals("retryable"))) {
            count(failed, outcome);
        }
    }

    synchronized long finished(String queue) {
        Ring ring = finished.get(queue);
        return ring == null ? 0 : ring.sum(second());
    }

    synchronized long failed(String queue) {
        Ring ring = failed.get(queue);
        return ring == null ? 0 : ring.sum(second());
    }

    private void count(Map<String, Ring> rings, Outcome outcome) {
        rings.computeIfAbsent(outcome.job().queue(), queue -> new Ring()).add(second());
    }

    /** Since this was made; never within the first minute of zero, which stands for a slot never used. */
    private long second() {
        return (System.nanoTime() - originNanos) / 1_000_000_000 + SECONDS;
    }
}
