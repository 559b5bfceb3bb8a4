package dev.millrace.worker.metrics;

import dev.millrace.Millrace;
import dev.millrace.job.JobMeter;
import dev.millrace.worker.Worker;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Figures of workers and producers in a registry of Micrometer. Give it to a builder as its meter, which counts each job exactly
 * once, and {@link #bind} what was built for the rest: queues, connections, the lead. All names are in {@code docs/metrics.md}.
 *
 * <p>The registry may be shared with the application. Two workers in one registry are told apart by tags of their own, given to
 * two instances of this; without them their jobs add up, and the gauges are those of the first. Safe for use by many threads.
 */
public final class MillraceMetrics implements JobMeter {

    private final MeterRegistry registry;
    private final Tags tags;
    private final JobMeters jobs;

    /**
     * Registers nothing yet: meters appear with the first job of their queue and kind.
     *
     * @param tags on every meter of this instance
     */
    public MillraceMetrics(MeterRegistry registry, Tag... tags) {
        this.registry = registry;
        this.tags = Tags.of(tags);
        this.jobs = new JobMeters(registry, this.tags);
    }

    /**
     * Adds gauges for the queues of a worker, its lead, and its connections. Queues are looked at when they are scraped, at most once in
     * five seconds, and for at most a second; a gauge whose value can't be had is {@code NaN}. May be called before the worker
     * starts; the registry does not keep the worker alive.
     */
    public MillraceMetrics bind(Worker worker) {
        new QueueGauges(worker).bindTo(registry, tags);
        gauge(
                "millrace.worker.leader",
                "1 on the worker that does the maintenance for all",
                worker,
                current -> current.isLeader() ? 1 : 0);
        gauge(
                "millrace.worker.ready",
                "1 while the worker claims",
                worker,
                current -> Reading.of(() -> current.health().ready() ? 1 : 0, 0));
        for (History what : History.values()) {
            history(what);
        }
        new ConnectionMeters<>(worker, Worker::metrics, Worker::health).bindTo(registry, tags.and("client", "worker"));
        return this;
    }

    /** Adds the figures of a producer's connections. The registry does not keep it alive. */
    public MillraceMetrics bind(Millrace millrace) {
        new ConnectionMeters<>(millrace, Millrace::metrics, Millrace::health)
                .bindTo(registry, tags.and("client", "producer"));
        return this;
    }

    private void gauge(String name, String description, Worker worker, ToDoubleFunction<Worker> value) {
        Gauge.builder(name, worker, value).tags(tags).description(description).register(registry);
    }

    @Override
    public void count(Count what, String queue, String kind, long amount) {
        jobs.of(queue, kind).count(what, amount);
    }

    @Override
    public void count(History what, long amount) {
        history(what).increment((double) amount);
    }

    /** The same one each time. */
    private Counter history(History what) {
        return Counter.builder("millrace.history."
                        + what.name().toLowerCase(Locale.ROOT).replace('_', '.'))
                .tags(tags)
                .description(Descriptions.of(what))
                .register(registry);
    }

    @Override
    public void waited(String queue, String kind, Duration time) {
        jobs.of(queue, kind).waited(time);
    }

    @Override
    public void ran(String queue, String kind, Duration time) {
        jobs.of(queue, kind).ran(time);
    }
}
