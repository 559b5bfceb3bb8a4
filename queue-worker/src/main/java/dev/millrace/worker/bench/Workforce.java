package dev.millrace.worker.bench;

import java.io.IOException;

/** The workers of a measurement, in this process or in others; works on one queue at a time. Used by one thread. */
interface Workforce extends AutoCloseable {

    /**
     * Begins to work; returns when all workers claim.
     *
     * @param jobs upper bound of the numbers of jobs in this queue
     */
    void start(String queue, int jobs) throws IOException, InterruptedException;

    /** Jobs that have run since the start. */
    long ran();

    /** Waits for so many jobs; returns false if there are fewer when the time is over. */
    boolean await(long jobs, long limitNanos) throws InterruptedException, IOException;

    /** Stops working when what runs is written; tells what ran. */
    Tally stop() throws IOException, InterruptedException;

    @Override
    void close();
}
