package dev.millrace.job;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps what a meter throws from the job that it counts; without a meter it does nothing. For the library's own use. Thread-safe. */
public final class GuardedMeter implements JobMeter {

    private static final Logger LOG = LoggerFactory.getLogger(GuardedMeter.class);

    private final @Nullable JobMeter meter;
    private final AtomicBoolean failed = new AtomicBoolean();

    public GuardedMeter(@Nullable JobMeter meter) {
        this.meter = meter;
    }

    /** Whether anybody counts. */
    public boolean isUsed() {
        return meter != null;
    }

    @Override
    public void count(Count what, String queue, String kind, long jobs) {
        if (meter != null) {
            try {
                meter.count(what, queue, kind, jobs);
            } catch (RuntimeException failure) {
                complain(failure);
            }
        }
    }

    @Override
    public void count(History what, long amount) {
        if (meter != null) {
            try {
                meter.count(what, amount);
            } catch (RuntimeException failure) {
                complain(failure);
            }
        }
    }

    @Override
    public void waited(String queue, String kind, Duration time) {
        if (meter != null) {
            try {
                meter.waited(queue, kind, time);
            } catch (RuntimeException failure) {
                complain(failure);
            }
        }
    }

    @Override
    public void ran(String queue, String kind, Duration time) {
        if (meter != null) {
            try {
                meter.ran(queue, kind, time);
            } catch (RuntimeException failure) {
                complain(failure);
            }
        }
    }

    private void complain(RuntimeException failure) {
        if (failed.compareAndSet(false, true)) {
            LOG.warn("The meter of jobs failed, so its figures are not exact; further failures are not told", failure);
        } else {
            LOG.debug("The meter of jobs failed again", failure);
        }
    }
}
