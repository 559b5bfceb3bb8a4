package dev.millrace.worker.metrics;

import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Health;
import dev.millrace.connection.PoolUsage;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What is counted and measured of connections, under the names that it has there. Read when scraped; immutable.
 *
 * @param <T> who owns the connections
 */
final class ConnectionMeters<T> {

    private static final String PREFIX = "millrace.connection.";

    private final T owner;
    private final Function<T, ConnectionMetrics> metrics;
    private final Function<T, Health> health;

    ConnectionMeters(T owner, Function<T, ConnectionMetrics> metrics, Function<T, Health> health) {
        this.owner = owner;
        this.metrics = metrics;
        this.health = health;
    }

    void bindTo(MeterRegistry registry, Tags tags) {
        for (ConnectionMetrics.Counter counter : ConnectionMetrics.Counter.values()) {
            if (counter != ConnectionMetrics.Counter.CONNECT_FAILURES) {
                counter(registry, tags, name(counter), Descriptions.of(counter), counted -> counted.count(counter));
            }
        }
        for (FaultClass fault : FaultClass.values()) {
            counter(
                    registry,
                    tags.and("fault", fault.name().toLowerCase(Locale.ROOT)),
                    name(ConnectionMetrics.Counter.CONNECT_FAILURES),
                    Descriptions.of(ConnectionMetrics.Counter.CONNECT_FAILURES),
                    counted -> counted.connectFailures().getOrDefault(fault, 0L));
        }
        for (ConnectionMetrics.Timer timer : ConnectionMetrics.Timer.values()) {
            timer(registry, tags, timer);
        }
        pool(registry, tags, "active", "Connections in use", PoolUsage::active);
        pool(registry, tags, "idle", "Connections open and not in use", PoolUsage::idle);
        pool(registry, tags, "waiting", "Threads that wait for a connection", PoolUsage::waiting);
        pool(registry, tags, "limit", "How many connections there may be now", PoolUsage::maximum);
    }

    private void counter(
            MeterRegistry registry,
            Tags tags,
            String name,
            String description,
            ToDoubleFunction<ConnectionMetrics> count) {
        FunctionCounter.builder(
                        name, owner, current -> Reading.of(() -> count.applyAsDouble(metrics.apply(current)), 0))
                .tags(tags)
                .description(description)
                .register(registry);
    }

    private void timer(MeterRegistry registry, Tags tags, ConnectionMetrics.Timer timer) {
        FunctionTimer.builder(
                        name(timer),
                        owner,
                        current -> (long) Reading.of(
                                () -> metrics.apply(current).measured(timer).count(), 0),
                        current -> Reading.of(
                                () -> metrics.apply(current).measured(timer).totalNanos(), 0),
                        TimeUnit.NANOSECONDS)
                .tags(tags)
                .description(Descriptions.of(timer))
                .register(registry);
        for (int i = 0; i < ConnectionMetrics.BUCKETS; i++) {
            bucket(registry, tags, timer, i);
        }
        TimeGauge.builder(
                        name(timer) + ".longest",
                        owner,
                        TimeUnit.NANOSECONDS,
                        current -> Reading.of(
                                () -> metrics.apply(current).measured(timer).maxNanos(), 0))
                .tags(tags)
                .description(Descriptions.of(timer) + ": the longest")
                .register(registry);
    }

    /**
     * Buckets as counters with the tag that those of a histogram have, so that quantiles can be asked for: a timer that is read, and not
     * recorded to, can have no buckets of its own.
     */
    private void bucket(MeterRegistry registry, Tags tags, ConnectionMetrics.Timer timer, int index) {
        counter(
                registry,
                tags.and("le", ConnectionMetrics.bucketSeconds(index)),
                name(timer) + ".within",
                Descriptions.of(timer) + ": how many took at most le seconds",
                counted -> counted.buckets(timer).get(index).count());
    }

    private void pool(
            MeterRegistry registry, Tags tags, String name, String description, ToDoubleFunction<PoolUsage> value) {
        Gauge.builder(
                        PREFIX + "pool." + name,
                        owner,
                        current -> Reading.of(
                                () -> value.applyAsDouble(health.apply(current).pool()), Double.NaN))
                .tags(tags)
                .description(description)
                .register(registry);
    }

    private static String name(Enum<?> of) {
        return PREFIX + of.name().toLowerCase(Locale.ROOT).replace('_', '.');
    }
}
