package dev.millrace.examples;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Looks at all jobs over and over, each time in the one snapshot of one statement: each must be there exactly once,
 * whatever moves between the partitions meanwhile.
 */
final class SnapshotSampler implements AutoCloseable {

    private final Thread thread;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile @Nullable String violation;
    private volatile int samples;

    private SnapshotSampler(String url, LongSupplier committed) {
        thread = new Thread(() -> sample(url, committed), "snapshot-sampler");
        thread.setDaemon(true);
    }

    /** The supplier tells how many jobs have been committed for certain; there may be more. */
    static SnapshotSampler start(String url, LongSupplier committed) {
        SnapshotSampler sampler = new SnapshotSampler(url, committed);
        sampler.thread.start();
        return sampler;
    }

    private void sample(String url, LongSupplier committed) {
        try (Connection session = DriverManager.getConnection(url);
                Statement statement = session.createStatement()) {
            do {
                long jobs = committed.getAsLong();
                try (ResultSet row = statement.executeQuery("SELECT count(*), count(DISTINCT id) FROM millrace.job")) {
                    row.next();
                    if (row.getLong(1) < jobs || row.getLong(2) != row.getLong(1)) {
                        violation = row.getLong(1) + " rows and " + row.getLong(2) + " ids where " + jobs
                                + " jobs have been committed";
                    }
                }
                samples++;
                // Breathes in between: it must not take from the workers what they compete for.
            } while (violation == null && !stopped.await(200, TimeUnit.MILLISECONDS));
        } catch (InterruptedException | SQLException e) {
            violation = "the sampler failed: " + e;
        }
    }

    /** Fails if a snapshot was wrong, or none was taken. */
    void verify() {
        close();
        if (violation != null || samples < 10) {
            throw new AssertionError("in " + samples + " snapshots: " + violation);
        }
    }

    @Override
    public void close() {
        stopped.countDown();
        try {
            thread.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
