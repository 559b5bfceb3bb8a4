package dev.millrace.worker.bench;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.NewJob;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.BitSet;
import java.util.Iterator;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;

/**
 * What the measurements have in common.
 *
 * @param database with the schema of the benchmark
 * @param afterId every job of a measurement has a higher id
 * @param millrace of the producers in this process
 * @param workforce that no measurement has working when it begins, or leaves working
 */
record Rig(
        Database database,
        long afterId,
        BenchConfig config,
        BenchTable table,
        BareSql bare,
        Millrace millrace,
        Workforce workforce,
        Figures figures,
        Progress progress) {

    /** As long as this, nobody waits for a job that does not run: it is counted as stalled. */
    private static final Duration STALL = Duration.ofSeconds(30);

    /** Jobs between two looks at the clock. */
    private static final int LOOK = 1_000;

    private static final ArgsCodec CODEC = new JacksonArgsCodec();

    /** Jobs with the numbers from one up to another. */
    Iterator<NewJob> jobs(String queue, int from, int until) {
        EnqueueOptions defaults = EnqueueOptions.DEFAULTS.queue(queue);
        String pad = Load.pad(config.mix().argsBytes());
        return IntStream.range(from, until)
                .mapToObj(n -> {
                    if (n % LOOK == 0) {
                        progress.at(n, until);
                    }
                    return NewJob.of(
                            Load.type(config.mix(), n),
                            new Load(n, pad),
                            Load.options(config.mix(), n, defaults),
                            CODEC);
                })
                .iterator();
    }

    /** Waits for so many jobs to run; returns when they have, or nothing runs any more. */
    void awaitRan(long jobs) throws InterruptedException, IOException {
        long last = -1;
        long lastNanos = System.nanoTime();
        while (!workforce.await(jobs, Progress.INTERVAL.toNanos())) {
            long ran = workforce.ran();
            progress.at(ran, jobs);
            if (ran > last) {
                last = ran;
                lastNanos = System.nanoTime();
            } else if (System.nanoTime() - lastNanos > STALL.toNanos()) {
                return;
            }
        }
    }

    /** Does this while a transaction holds its snapshot, where that is wanted. */
    <T> T underSnapshot(Callable<T> what) throws Exception {
        if (!config.conditions().heldSnapshot()) {
            return what.call();
        }
        try (Connection connection = Sessions.open(database);
                Statement statement = connection.createStatement()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            statement.execute("SELECT FROM " + database.schema().quoted() + ".worker");
            T result = what.call();
            connection.commit();
            return result;
        }
    }

    /**
     * Counts what was lost, ran twice or did not run, by the table and by what the handlers have seen, job by job.
     *
     * @param enqueued numbers of the jobs of the queue
     * @param wanted of which at least so many were to be completed
     */
    BenchTable.State check(String queue, BitSet enqueued, long wanted, Tally tally) throws SQLException {
        BenchTable.State state = table.state(queue, afterId);
        BitSet seen = BitSet.valueOf(tally.seen());
        BitSet gone = (BitSet) enqueued.clone();
        gone.andNot(state.left());
        BitSet accounted = (BitSet) seen.clone();
        if (config.conditions().keepHistory()) {
            accounted.and(state.completed());
        }
        BitSet lost = (BitSet) gone.clone();
        lost.andNot(accounted);
        figures.count("lost", lost.cardinality());
        // What has run but is not completed will run again.
        BitSet again = (BitSet) seen.clone();
        again.and(state.left());
        figures.count("duplicates", tally.duplicates() + again.cardinality());
        figures.count("stalled", Math.max(0, wanted - gone.cardinality()));
        return state;
    }

    /** The numbers from 0 up to this one. */
    static BitSet upTo(int jobs) {
        BitSet numbers = new BitSet();
        numbers.set(0, jobs);
        return numbers;
    }
}
