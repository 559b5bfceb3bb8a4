package dev.millrace.worker.bench;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.NewJob;
import java.time.Duration;
import java.util.BitSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Producers and workers together. At a rate, a job's latency counts from when it was to be enqueued, whether or not the producer
 * was late; without one, producers stay a little ahead of the workers.
 */
final class Steady {

    private static final ArgsCodec CODEC = new JacksonArgsCodec();

    private static final int PRODUCERS = 2;
    private static final int AHEAD = 20_000;
    private static final int MOST_PER_SECOND = 1_000_000;
    private static final long LOOK_NANOS = 1_000_000;
    /** Enqueues in a second where a rate is offered. */
    private static final int TICKS = 100;

    /** How long producers ran, how many jobs had run by then, and what the workers saw in all. */
    private record Ended(double seconds, long ran, Tally tally) {}

    private final Rig rig;

    Steady(Rig rig) {
        this.rig = rig;
    }

    /** Returns how many jobs a second producers and workers get through together. */
    double reach(String name, Duration time) throws Exception {
        Ended ended = drive(new Offer(name, 0, Duration.ZERO, time));
        return ended.ran() / ended.seconds();
    }

    /**
     * Half of what producers and workers reach together, since the machine has to serve both. It is offered for twice the time, and
     * measured in the second half: code that is warm for all that can be done is not yet so for half of it.
     */
    void halfLoad(String name) throws Exception {
        rig.progress().step("finding out what producers and workers reach together");
        rig.table().tidy();
        Duration time = rig.config().sizes().time();
        double reached = reach(name + "-reach", time);
        rig.figures().add("half_load.reached_per_second", reached);
        int half = (int) Math.max(1, Math.min(MOST_PER_SECOND / 2, Math.round(reached / 2)));
        run(name + "-half", "half_load", half, time);
    }

    /**
     * Runs for the configured time.
     *
     * @param figure under which it is reported
     * @param rate jobs a second, or 0
     * @param before for how long it runs without measuring latencies first
     */
    void run(String name, String figure, int rate, Duration before) throws Exception {
        rig.progress().step("producers and workers together" + (rate == 0 ? "" : ", " + rate + " jobs a second"));
        rig.table().tidy();
        Offer offer = new Offer(name, rate, before, rig.config().sizes().time());
        Ended ended = rig.underSnapshot(() -> drive(offer));
        Figures figures = rig.figures();
        if (rate > 0) {
            figures.add(figure + ".offered_per_second", (double) rate);
        }
        figures.add(figure + ".enqueue_per_second", offer.enqueued.get() / ended.seconds());
        figures.add(figure + ".work_per_second", ended.ran() / ended.seconds());
        IdleLatency.report(figures, figure + ".latency_ms", ended.tally());
    }

    private Ended drive(Offer offer) throws Exception {
        rig.workforce().start(offer.name, offer.most);
        offer.begin();
        Threads.run(PRODUCERS, offer::produce);
        long ran = rig.workforce().ran();
        double took = offer.seconds();
        rig.awaitRan(offer.enqueued.get());
        Ended ended = new Ended(took, ran, rig.workforce().stop());
        rig.check(offer.name, offer.numbers(), offer.enqueued.get(), ended.tally());
        return ended;
    }

    /** What the producers share. */
    private final class Offer {

        private final String name;
        private final EnqueueOptions options;
        private final String pad = Load.pad(rig.config().mix().argsBytes());
        private final int rate;
        private final Duration before;
        private final Duration time;
        private final int most;
        private final int batch;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicLong enqueued = new AtomicLong();
        /** Those of a batch that was drawn when the time was over are left out. */
        private final BitSet numbers = new BitSet();

        private final CountDownLatch never = new CountDownLatch(1);
        private long beganNanos;
        private long beganMicros;

        Offer(String name, int rate, Duration before, Duration measured) {
            this.name = name;
            this.options = EnqueueOptions.DEFAULTS.queue(name);
            this.rate = rate;
            this.before = before;
            this.time = before.plus(measured);
            this.most = Math.toIntExact(
                    Math.min(Integer.MAX_VALUE / 2, time.toSeconds() * (rate == 0 ? MOST_PER_SECOND : rate)));
            this.batch = rate == 0 ? rig.config().sizes().batch() : Math.max(1, rate / TICKS);
        }

        void begin() {
            beganNanos = System.nanoTime();
            beganMicros = Load.micros();
        }

        double seconds() {
            return (System.nanoTime() - beganNanos) / 1e9;
        }

        void produce() throws InterruptedException {
            long endNanos = time.toNanos();
            for (int from = next.getAndAdd(batch); from < most; from = next.getAndAdd(batch)) {
                long due = rate == 0 ? 0 : (long) (from * 1e9 / rate);
                if (rate == 0) {
                    keepBack(endNanos);
                } else {
                    never.await(beganNanos + due - System.nanoTime(), TimeUnit.NANOSECONDS);
                }
                if (Math.max(due, System.nanoTime() - beganNanos) >= endNanos) {
                    return;
                }
                long at = at(due);
                int until = Math.min(most, from + batch);
                rig.millrace()
                        .enqueueAll(
                                IntStream.range(from, until)
                                        .mapToObj(
                                                n -> NewJob.of(Load.TIMED, new Load.Timed(n, at, pad), options, CODEC))
                                        .iterator(),
                                id -> {});
                enqueued(from, until);
                rig.progress().at(rig.workforce().ran(), enqueued.get());
            }
        }

        /** When jobs of a batch that is due so long after the start count as enqueued. */
        private long at(long due) {
            long since = rate == 0 ? System.nanoTime() - beganNanos : due;
            if (since < before.toNanos()) {
                return Load.UNMEASURED;
            }
            return rate == 0 ? Load.micros() : beganMicros + due / 1_000;
        }

        private synchronized void enqueued(int from, int until) {
            numbers.set(from, until);
            enqueued.addAndGet(until - from);
        }

        synchronized BitSet numbers() {
            return (BitSet) numbers.clone();
        }

        /** While the workers have enough before them. */
        private void keepBack(long endNanos) throws InterruptedException {
            while (enqueued.get() - rig.workforce().ran() > AHEAD && System.nanoTime() - beganNanos < endNanos) {
                never.await(LOOK_NANOS, TimeUnit.NANOSECONDS);
            }
        }
    }
}
