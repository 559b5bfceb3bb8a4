package dev.millrace.examples;

import dev.millrace.Millrace;
import dev.millrace.enqueue.Enqueued;
import dev.millrace.job.JobType;
import dev.millrace.job.Unique;
import dev.millrace.job.Unique.Part;
import java.sql.Connection;
import java.time.Duration;

/** What docs/unique-jobs.md shows. Safe for use by many threads. */
public final class UniqueSamples {

    /**
     * Arguments of a synchronisation.
     *
     * @param customer whose
     * @param full whether everything is fetched again
     */
    public record Sync(long customer, boolean full) {}

    /** Brings what we know of a customer up to date. */
    public static final JobType<Sync> SYNC = JobType.of("sync", Sync.class);

    /** A report for a customer and day. */
    public static final JobType<Sync> REPORT =
            JobType.of("report", Sync.class).withDefaults(o -> o.unique(Unique.byArgs()));

    private final Millrace millrace;

    public UniqueSamples(Millrace millrace) {
        this.millrace = millrace;
    }

    /** Returns whether a new job was needed. */
    public boolean syncOnce(long customer) {
        Enqueued sync = millrace.offer(SYNC, new Sync(customer, false), o -> o.unique(Unique.byFields("customer")));
        return sync.isInserted();
    }

    /** One job at most waits for a customer, and it does what was asked for last. Returns its id. */
    public long syncLatest(long customer, boolean full) {
        Unique latest = Unique.byFields("customer").whileWaiting().replacing(Part.ARGS, Part.PRIORITY);
        return millrace.enqueue(SYNC, new Sync(customer, full), o -> o.unique(latest));
    }

    /** Runs once a customer's data has not changed for a minute. */
    public void syncWhenQuiet(Connection connection, long customer) {
        Unique quiet = Unique.byFields("customer").whileWaiting().debounced();
        millrace.enqueue(
                connection,
                SYNC,
                new Sync(customer, false),
                o -> o.unique(quiet).in(Duration.ofMinutes(1)));
    }

    /** At most one a day for each customer, whatever became of it. */
    public void syncDaily(long customer) {
        Unique daily = Unique.byFields("customer").within(Duration.ofDays(1)).evenWhenFinal();
        millrace.enqueue(SYNC, new Sync(customer, true), o -> o.unique(daily));
    }
}
