package dev.millrace.connection;

import java.time.Duration;

/**
 * What happens to the connections and leases of a process, for those who want to act on it. Told in order, on a thread of its own,
 * so a slow receiver delays nothing; where more than 256 wait, the newest are dropped and counted.
 */
public sealed interface ConnectionEvent {

    /**
     * The database is usable.
     *
     * @param epoch number of this connect
     * @param outage how long it was not; zero at the first time
     */
    record LinkUp(long epoch, Duration outage) implements ConnectionEvent {}

    /**
     * The database is not usable any more; connecting again has begun.
     *
     * @param epoch that has ended
     * @param fault class of what was met
     * @param error one line
     */
    record LinkLost(long epoch, FaultClass fault, String error) implements ConnectionEvent {}

    /**
     * Notifications do not arrive: workers poll, once in their poll interval.
     *
     * @param reason one line
     */
    record Degraded(String reason) implements ConnectionEvent {}

    /** Notifications arrive again. */
    record Restored() implements ConnectionEvent {}

    /**
     * Only a person can mend it: credentials, certificates, the schema. Tried again slowly, for ever.
     *
     * @param fault class of what was met
     * @param error one line
     */
    record Suspended(FaultClass fault, String error) implements ConnectionEvent {}

    /**
     * Half of the lease is over without a renewal; at three quarters running jobs will be cancelled.
     *
     * @param jobs how many this worker holds
     * @param remaining until they are cancelled
     */
    record LeaseAtRisk(int jobs, Duration remaining) implements ConnectionEvent {}

    /**
     * Leases were lost: others may run these jobs.
     *
     * @param jobs how many
     */
    record LeaseLost(int jobs) implements ConnectionEvent {}

    /**
     * The server has, or will have, too few connections for what this process may use.
     *
     * @param warning what is wrong, and the number to change
     */
    record BudgetExceeded(String warning) implements ConnectionEvent {}

    /**
     * A connection of the work pool could not be had in time.
     *
     * @param size of the pool now
     */
    record PoolSaturated(int size) implements ConnectionEvent {}
}
