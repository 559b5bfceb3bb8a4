package dev.millrace.worker.bench;

import org.jspecify.annotations.Nullable;

/**
 * What the server has spent so far. The whole server writes the log, and the whole database commits: nothing else should run
 * beside a benchmark.
 *
 * @param walBytes written to the log; null where this user may not know
 * @param commits in this database
 * @param deadRows row versions deleted or replaced in the schema, which vacuum has to remove
 * @param cpuSeconds of all processes of the server; null unless it runs on this machine and Linux tells
 */
record Costs(
        @Nullable Long walBytes,
        long commits,
        long deadRows,
        @Nullable Double cpuSeconds) {

    /** Of the time between. */
    Costs since(Costs before) {
        return new Costs(
                walBytes == null || before.walBytes == null ? null : walBytes - before.walBytes,
                commits - before.commits,
                deadRows - before.deadRows,
                cpuSeconds == null || before.cpuSeconds == null ? null : cpuSeconds - before.cpuSeconds);
    }
}
