package dev.millrace.worker.bench;

import dev.millrace.job.JobType;
import java.util.concurrent.atomic.AtomicInteger;

/** Producers alone, one job at a time. */
final class Enqueue {

    private static final int[] THREADS = {1, 8};

    private final Rig rig;

    Enqueue(Rig rig) {
        this.rig = rig;
    }

    void run(String name) throws Exception {
        int jobs = rig.config().sizes().singleJobs();
        for (int threads : THREADS) {
            rig.progress().step("enqueueing one by one, " + threads + (threads == 1 ? " thread" : " threads"));
            rig.figures().add("enqueue_single_" + threads + "_per_second", enqueue(name, jobs, threads));
            if (rig.config().limit()) {
                rig.progress().step("enqueueing the same by bare inserts");
                rig.figures().add("limit.insert_" + threads + "_per_second", insert(name, jobs, threads));
            }
        }
    }

    /** Returns jobs a second. */
    double enqueue(String name, int jobs, int threads) throws Exception {
        JobType<Load> type = Load.PLAIN.withDefaults(options -> options.queue(name + "-single"));
        String pad = Load.pad(rig.config().mix().argsBytes());
        AtomicInteger next = new AtomicInteger();
        long began = System.nanoTime();
        Threads.run(threads, () -> {
            for (int n = next.getAndIncrement(); n < jobs; n = next.getAndIncrement()) {
                rig.millrace().enqueue(type, new Load(n, pad));
            }
        });
        return Rates.perSecond(jobs, began);
    }

    /** Returns jobs a second. */
    double insert(String name, int jobs, int threads) throws Exception {
        long began = System.nanoTime();
        rig.bare().insertJobs(name + "-bare-single", jobs, threads);
        return Rates.perSecond(jobs, began);
    }
}
