package dev.millrace.worker.bench;

import dev.millrace.job.JobType;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** From just before the enqueue of a job until its handler starts, on workers that have nothing else to do. */
final class IdleLatency {

    /** Between two jobs, so that the worker is idle again. */
    private static final Duration PAUSE = Duration.ofMillis(5);

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Rig rig;

    IdleLatency(Rig rig) {
        this.rig = rig;
    }

    /** Enqueues one job. */
    private interface Producer {
        void enqueue(int n) throws IOException, InterruptedException;
    }

    /**
     * Measures.
     *
     * @param producer the process that enqueues, by the clock of the machine, which both read; null for this one
     */
    Tally measure(String name, int samples, @Nullable Child producer) throws Exception {
        return run(name, samples, PAUSE, by(name, producer));
    }

    /** Without measuring, and with no pause between the jobs. */
    void warmUp(String name, int samples, @Nullable Child producer) throws Exception {
        run(name, samples, Duration.ZERO, by(name, producer));
    }

    private Producer by(String name, @Nullable Child producer) {
        int argsBytes = rig.config().mix().argsBytes();
        if (producer != null) {
            return n -> {
                producer.order(new Pipe.Order(Pipe.What.ENQUEUE, name, n, 0, argsBytes));
                producer.answer();
            };
        }
        JobType<Load.Timed> type = Load.TIMED.withDefaults(options -> options.queue(name));
        String pad = Load.pad(argsBytes);
        return n -> rig.millrace().enqueue(type, new Load.Timed(n, Load.micros(), pad));
    }

    private Tally run(String name, int samples, Duration pause, Producer producer) throws Exception {
        rig.workforce().start(name, samples);
        int enqueued = 0;
        boolean ran = true;
        while (ran && enqueued < samples) {
            producer.enqueue(enqueued++);
            ran = rig.workforce().await(enqueued, LIMIT.toNanos());
            if (ran) {
                rig.workforce().await(Long.MAX_VALUE, pause.toNanos());
            }
        }
        Tally tally = rig.workforce().stop();
        rig.check(name, Rig.upTo(enqueued), enqueued, tally);
        return tally;
    }

    static void report(Figures figures, String name, Tally tally) {
        Latencies measured = tally.measured();
        figures.add(name + ".p50", measured.millis(0.50));
        figures.add(name + ".p95", measured.millis(0.95));
        figures.add(name + ".p99", measured.millis(0.99));
        figures.add(name + ".max", measured.maxMillis());
    }
}
