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

    /** As long as this, nobody waits for a job that does not run: it is counted as lost. */
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
     * Counts what was lost or ran twice, by the table and by what the handlers have seen.
     *
     * @param enqueued jobs of the queue
     * @param wanted of which at least so many were to be completed
     */
    BenchTable.State check(String queue, long enqueued, long wanted, Tally tally) throws SQLException {
        BenchTable.State state = table.state(queue, afterId);
        long completed = config.conditions().keepHistory() ? state.completed() : enqueued - state.present();
        long ran = tally.distinct();
        // A job that is nowhere is not completed either, but of a backlog that is not worked off only the table tells.
        long missing = config.conditions().keepHistory() ? Math.max(0, enqueued - state.present()) : 0;
        figures.count("lost", Math.max(missing, wanted - completed) + Math.max(0, completed - ran));
        // What has run but is not completed will run again.
        figures.count("duplicates", tally.duplicates() + Math.max(0, ran - completed));
        return state;
    }
}
