package dev.millrace.worker.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Leased jobs of tests that are about something else. */
final class Leased {

    private Leased() {}

    /** In its first of 25 attempts, in the default queue, of kind {@code k}. */
    static LeasedJob job(long id, long token) {
        return new LeasedJob(
                id,
                token,
                "default",
                "k",
                "{}",
                2,
                1,
                25,
                Instant.EPOCH,
                Instant.EPOCH,
                List.of(),
                null,
                null,
                null,
                Duration.ZERO);
    }
}
