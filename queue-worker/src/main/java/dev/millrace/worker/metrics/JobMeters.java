package dev.millrace.worker.metrics;

import dev.millrace.job.JobMeter.Count;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Counters and timers of jobs by queue and kind. Where there are more pairs of these than a registry should hold, the rest goes
 * together as {@code other}. Thread-safe.
 */
final class JobMeters {

    /** Each pair is some fifty time series. */
    static final int MOST = 200;

    static final String OTHER = "other";

    /** From a look-up in the same room to half an hour, as those of connections. */
    private static final Duration[] BOUNDS = {
        Duration.ofMillis(1),
        Duration.ofMillis(5),
        Duration.ofMillis(10),
        Duration.ofMillis(25),
        Duration.ofMillis(50),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofMillis(500),
        Duration.ofSeconds(1),
        Duration.ofMillis(2_500),
        Duration.ofSeconds(5),
        Duration.ofSeconds(10),
        Duration.ofSeconds(30),
        Duration.ofMinutes(1),
        Duration.ofMinutes(5),
        Duration.ofMinutes(30)
    };

    private record Sort(String queue, String kind) {}

    private final MeterRegistry registry;
    private final Tags tags;
    private final Map<Sort, OfSort> bySort = new ConcurrentHashMap<>();

    JobMeters(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        this.tags = tags;
    }

    OfSort of(String queue, String kind) {
        Sort sort = new Sort(queue, kind);
        OfSort known = bySort.get(sort);
        if (known != null) {
            return known;
        }
        synchronized (this) {
            Sort counted = bySort.size() < MOST ? sort : new Sort(OTHER, OTHER);
            return bySort.computeIfAbsent(counted, OfSort::new);
        }
    }

    /** The meters of one queue and kind; all are there from the first job on, so that rates begin at zero. */
    final class OfSort {

        private final Map<Count, Counter> counters = new EnumMap<>(Count.class);
        private final Timer wait;
        private final Timer run;

        private OfSort(Sort sort) {
            Tags all = tags.and("queue", sort.queue(), "kind", sort.kind());
            for (Count what : Count.values()) {
                String name =
                        "millrace.jobs." + what.name().toLowerCase(Locale.ROOT).replace('_', '.');
                counters.put(
                        what,
                        Counter.builder(name)
                                .tags(all)
                                .description(Descriptions.of(what))
                                .register(registry));
            }
            wait = timer("millrace.jobs.wait", all, "From when a job was due until its handler was called");
            run = timer("millrace.jobs.run", all, "How long handlers ran, whatever came of it");
        }

        private Timer timer(String name, Tags all, String description) {
            return Timer.builder(name)
                    .tags(all)
                    .description(description)
                    .serviceLevelObjectives(BOUNDS)
                    .register(registry);
        }

        void count(Count what, long amount) {
            Objects.requireNonNull(counters.get(what)).increment((double) amount);
        }

        void waited(Duration time) {
            wait.record(time);
        }

        void ran(Duration time) {
            run.record(time);
        }
    }
}
