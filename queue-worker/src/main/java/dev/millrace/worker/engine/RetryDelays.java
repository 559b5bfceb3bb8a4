package dev.millrace.worker.engine;

import dev.millrace.job.RetryPolicy;
import dev.millrace.job.RetrySchedule;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long a failed job waits: by its own policy, else by that of its kind. A policy that can't be read or fails costs the job
 * nothing but the wait that was meant. Thread-safe.
 */
final class RetryDelays {

    private static final Logger LOG = LoggerFactory.getLogger(RetryDelays.class);

    /** Kinds, of which there are few, rather than texts: each job may bear another. */
    private final Set<String> unreadableTold = ConcurrentHashMap.newKeySet();

    Duration after(LeasedJob job, RetryPolicy ofKind, Throwable failure) {
        RetryPolicy policy = own(job);
        try {
            Duration delay = (policy == null ? ofKind : policy).delay(job.attempt(), failure);
            if (delay != null) {
                return delay;
            }
            LOG.warn("The retry policy of kind {} returned null, the default is used", job.kind());
        } catch (Throwable brokenPolicy) {
            LOG.warn("The retry policy of kind {} failed, the default is used", job.kind(), brokenPolicy);
        }
        return RetryPolicy.exponential().delay(job.attempt(), failure);
    }

    private @Nullable RetryPolicy own(LeasedJob job) {
        String text = job.retryPolicy();
        if (text == null) {
            return null;
        }
        try {
            return RetrySchedule.parse(text);
        } catch (IllegalArgumentException unreadable) {
            if (unreadableTold.add(job.kind())) {
                LOG.warn(
                        "The retry policy of job {} ({}) can't be read, that of its kind is used, for others of the kind too: {}",
                        job.id(),
                        job.kind(),
                        unreadable.getMessage());
            }
            return null;
        }
    }
}
