package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import dev.millrace.worker.Worker;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** One worker in this process, whose CPU time is taken for the worker's. */
final class LocalWorkforce implements Workforce {

    /** How its sessions, and those of workers in other processes, are known: this, and the number of the process. */
    static final String INSTANCE = "bench-worker-";

    private final Database database;
    private final int slots;
    private Runs runs = new Runs(0);
    private @Nullable Worker worker;
    private @Nullable Double cpuBefore;

    LocalWorkforce(Database database, int slots) {
        this.database = database.withInstance(INSTANCE + ProcessHandle.current().pid());
        this.slots = slots;
    }

    @Override
    public void start(String queue, int jobs) {
        runs = new Runs(jobs);
        cpuBefore = cpuSeconds();
        worker = Load.worker(database, queue, slots, runs);
        worker.start();
    }

    @Override
    public long ran() {
        return runs.distinct();
    }

    @Override
    public boolean await(long jobs, long limitNanos) throws InterruptedException {
        return runs.await(jobs, limitNanos);
    }

    @Override
    public Tally stop() {
        close();
        Double after = cpuSeconds();
        return runs.tally(after == null || cpuBefore == null ? null : after - cpuBefore);
    }

    @Override
    public void close() {
        if (worker != null) {
            worker.close();
            worker = null;
        }
    }

    /** Of this process so far; null where the platform does not tell. */
    private static @Nullable Double cpuSeconds() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                        && os.getProcessCpuTime() >= 0
                ? os.getProcessCpuTime() / 1e9
                : null;
    }
}
