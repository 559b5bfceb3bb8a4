package dev.millrace.worker.engine;

/**
 * How a worker treats one queue. Immutable.
 *
 * @param lowestShare part of the claimed jobs that is taken from the lowest priority first, 0 to 0.5
 */
public record QueueOptions(double lowestShare) {

    /** Strictly by priority. */
    public static final QueueOptions DEFAULTS = new QueueOptions(0);

    /**
     * What a queue is worked on with.
     *
     * @throws IllegalArgumentException if the share is outside 0 to 0.5
     */
    public QueueOptions {
        if (!(lowestShare >= 0 && lowestShare <= 0.5)) {
            throw new IllegalArgumentException(
                    "Share " + lowestShare + " of the lowest priority is out of range: 0 to 0.5");
        }
    }

    /**
     * Keeps low priorities from starving: this part of the jobs claimed, counted over time, is taken from the lowest priority that has
     * jobs. Default 0: no job is claimed while one of a higher priority is available.
     *
     * @throws IllegalArgumentException outside 0 to 0.5
     */
    public QueueOptions lowestShare(double share) {
        return new QueueOptions(share);
    }
}
