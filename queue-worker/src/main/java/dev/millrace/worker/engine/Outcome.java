package dev.millrace.worker.engine;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What is to be written for a lease that ends; JSON is text already, so that writing can't fail in the handler's stead. */
sealed interface Outcome {

    LeasedJob job();

    /** About how much memory it holds: the characters of its texts, and of the arguments of its job. */
    default long chars() {
        return job().args().length();
    }

    /**
     * The job's life ends.
     *
     * @param state completed, cancelled or discarded
     * @param output JSON, or null
     * @param error JSON object for this attempt, or null
     */
    record Finalize(
            LeasedJob job,
            String state,
            @Nullable String output,
            @Nullable String error) implements Outcome {

        @Override
        public long chars() {
            return job.args().length()
                    + (output == null ? 0L : output.length())
                    + (error == null ? 0L : error.length());
        }

        /** Completed, with nothing to tell. */
        boolean isPlain() {
            return output == null && error == null && state.equals("completed");
        }
    }

    /**
     * The job waits for a time.
     *
     * @param state retryable or scheduled
     * @param delayMicros from now, by the database's clock
     * @param until a moment instead of the delay, by the database's clock
     * @param refunded whether the attempt is given back
     * @param error JSON object for this attempt, or null
     */
    record Defer(
            LeasedJob job,
            String state,
            long delayMicros,
            @Nullable Instant until,
            boolean refunded,
            @Nullable String error)
            implements Outcome {

        /** Whether it is due so soon that the leader has to be told; for a moment, a hint by this computer's clock. */
        boolean isDueSoon() {
            long now = System.currentTimeMillis() * 1_000;
            return delayMicrosFrom(now) < Maintenance.SOON.toNanos() / 1_000;
        }

        /** How long to wait from a moment, in microseconds since 1970. */
        long delayMicrosFrom(long nowMicros) {
            // ChronoUnit would count in nanoseconds, which overflow after the year 2262.
            return until == null
                    ? delayMicros
                    : Math.max(0, until.getEpochSecond() * 1_000_000 + until.getNano() / 1_000 - nowMicros);
        }
    }

    /** The job was not begun, or is given up: it becomes available again and its attempt is given back. */
    record Release(LeasedJob job) implements Outcome {}
}
