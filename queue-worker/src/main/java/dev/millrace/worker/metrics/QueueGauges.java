package dev.millrace.worker.metrics;

import dev.millrace.job.JobState;
import dev.millrace.queue.QueueInfo;
import dev.millrace.worker.Worker;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What waits in the queues of a worker. Whoever scrapes makes it look, no more often than the result may be old; nobody looks where
 * nobody scrapes. A scrape does not hang with the database: what is not answered soon is unknown. Thread-safe.
 */
final class QueueGauges {

    private static final Logger LOG = LoggerFactory.getLogger(QueueGauges.class);
    private static final long FRESH_NANOS = Duration.ofSeconds(5).toNanos();
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final WeakReference<Worker> worker;
    private FutureTask<Map<String, QueueInfo>> look = new FutureTask<>(Map::of);
    private long lookedNanos;
    private boolean looked;

    QueueGauges(Worker worker) {
        this.worker = new WeakReference<>(worker);
    }

    void bindTo(MeterRegistry registry, Tags tags) {
        Worker current = worker.get();
        if (current == null) {
            return;
        }
        for (String queue : current.queueNames()) {
            Tags all = tags.and("queue", queue);
            for (JobState state : JobState.values()) {
                Gauge.builder("millrace.queue.jobs", current, unused -> value(queue, info -> info.jobs(state)))
                        .description("Jobs in each state; bounded or estimated where there are many")
                        .tags(all.and("state", state.sql()))
                        .register(registry);
            }
            TimeGauge.builder(
                            "millrace.queue.oldest.available.age",
                            current,
                            TimeUnit.MILLISECONDS,
                            unused -> value(queue, QueueGauges::lagMillis))
                    .description("How long the available job that waits longest has been due")
                    .tags(all)
                    .register(registry);
            Gauge.builder("millrace.queue.paused", current, unused -> value(queue, info -> info.isPaused() ? 1 : 0))
                    .description("1 while the queue is paused")
                    .tags(all)
                    .register(registry);
            Gauge.builder("millrace.queue.slots", current, unused -> value(queue, QueueInfo::workerSlots))
                    .description("Slots of all live workers")
                    .tags(all)
                    .register(registry);
            Gauge.builder("millrace.queue.slots.busy", current, unused -> value(queue, QueueInfo::busySlots))
                    .description("Slots of all live workers that have a job")
                    .tags(all)
                    .register(registry);
        }
    }

    private static double lagMillis(QueueInfo queue) {
        Duration lag = queue.lag();
        return lag == null ? 0 : Math.max(0, lag.toMillis());
    }

    private double value(String queue, ToDoubleFunction<QueueInfo> value) {
        QueueInfo found = looked().get(queue);
        return found == null ? Double.NaN : value.applyAsDouble(found);
    }

    private Map<String, QueueInfo> looked() {
        FutureTask<Map<String, QueueInfo>> current = current();
        try {
            // All gauges of a scrape share one wait: once it was too long, the next ones find it done or over.
            long left = PATIENCE.toNanos() - (System.nanoTime() - startedNanos());
            return current.get(Math.max(0, left), TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException failure) {
            LOG.debug("The queues could not be looked at", failure);
        } catch (TimeoutException slow) {
            LOG.debug("The queues were not looked at within {}", PATIENCE);
        }
        return Map.of();
    }

    private synchronized long startedNanos() {
        return lookedNanos;
    }

    /** One look at a time: one that hangs is not joined by others. */
    private synchronized FutureTask<Map<String, QueueInfo>> current() {
        long now = System.nanoTime();
        if (!looked || (look.isDone() && now - lookedNanos > FRESH_NANOS)) {
            looked = true;
            lookedNanos = now;
            look = new FutureTask<>(this::ask);
            Thread thread = new Thread(look, "millrace-queue-gauges");
            thread.setDaemon(true);
            thread.start();
        }
        return look;
    }

    private Map<String, QueueInfo> ask() {
        Worker current = worker.get();
        return current == null
                ? Map.of()
                : current.queues().stream().collect(Collectors.toMap(QueueInfo::name, Function.identity()));
    }
}
