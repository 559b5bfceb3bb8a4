package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import dev.millrace.job.RetryPolicy;
import dev.millrace.job.Unique;
import dev.millrace.worker.Worker;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Random;

/**
 * Arguments of a job of the benchmark, and the kinds it has.
 *
 * @param n number of the job within its measurement, from 0
 */
record Load(int n, String pad) {

    /** Succeeds. */
    static final JobType<Load> PLAIN = JobType.of("bench", Load.class);

    /** Fails at its first attempt. */
    static final JobType<Load> FLAKY = JobType.of("bench_flaky", Load.class);

    /** Tells how long it has waited. */
    static final JobType<Timed> TIMED = JobType.of("bench_timed", Timed.class);

    /** Instead of a moment, for a job whose latency does not count. */
    static final long UNMEASURED = 0;

    /** What {@code {"n":…,"pad":""}} takes, with a number of usual length. */
    private static final int AROUND_PAD = 24;

    /** What neither JSON nor COPY writes in another way. */
    private static final String PAD = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

    private static final Duration SCHEDULED = Duration.ofSeconds(1);
    private static final Duration RETRY = Duration.ofMillis(1);

    /**
     * Arguments of a job whose latency is measured.
     *
     * @param at just before it was enqueued, in microseconds since 1970, or {@link #UNMEASURED}
     */
    record Timed(int n, long at, String pad) {}

    /** The same text for the same size, in which nothing repeats that the server's compression of large values could use. */
    static String pad(int argsBytes) {
        StringBuilder pad = new StringBuilder();
        new Random(argsBytes)
                .ints(Math.max(0, argsBytes - AROUND_PAD), 0, PAD.length())
                .forEach(letter -> pad.append(PAD.charAt(letter)));
        return pad.toString();
    }

    static long micros() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }

    /** A worker that runs all kinds and notes what ran. */
    static Worker worker(Database database, String queue, int slots, Runs runs) {
        return Worker.builder(database)
                .queue(queue, slots)
                // Dozens of processes that begin at once on a few cores take longer than one.
                .connectTimeout(Duration.ofMinutes(1))
                .handle(PLAIN, (job, load) -> runs.ran(load.n()))
                .handle(
                        FLAKY,
                        (job, load) -> {
                            if (job.attempt() == 1) {
                                throw new FirstAttempt();
                            }
                            runs.ran(load.n());
                        },
                        RetryPolicy.fixed(RETRY))
                .handle(TIMED, (job, load) -> {
                    if (load.at() != UNMEASURED) {
                        runs.began(micros() - load.at());
                    }
                    runs.ran(load.n());
                })
                .build();
    }

    /** What a flaky job fails with. */
    private static final class FirstAttempt extends Exception {

        private static final long serialVersionUID = 1L;

        FirstAttempt() {
            super("The first attempt of a flaky job fails");
        }
    }

    /** The kind of the job with this number. */
    static JobType<Load> type(JobMix mix, int n) {
        return draws(mix.retries(), n, 1) ? FLAKY : PLAIN;
    }

    /** Options of the job with this number. */
    static EnqueueOptions options(JobMix mix, int n, EnqueueOptions defaults) {
        EnqueueOptions options = defaults;
        if (draws(mix.scheduled(), n, 2)) {
            options = options.in(SCHEDULED);
        }
        if (draws(mix.priorities(), n, 3)) {
            options = options.priority(1 + (spread(n, 4) & 3));
        }
        if (draws(mix.unique(), n, 5)) {
            options = options.unique(Unique.byFields("n").perQueue());
        }
        return options;
    }

    private static boolean draws(int percent, int n, int what) {
        return percent > 0 && Math.floorMod(spread(n, what), 100) < percent;
    }

    /** A number that depends on both, and looks random: the finalizer of MurmurHash3. */
    private static int spread(int n, int what) {
        int h = n * 31 + what;
        h = (h ^ (h >>> 16)) * 0x85ebca6b;
        h = (h ^ (h >>> 13)) * 0xc2b2ae35;
        return h ^ (h >>> 16);
    }
}
