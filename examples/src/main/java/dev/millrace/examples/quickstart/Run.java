package dev.millrace.examples.quickstart;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.error.MillraceException;
import dev.millrace.examples.ExampleJobs;
import dev.millrace.examples.ExampleJobs.Checksum;
import dev.millrace.job.JobType;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;

/** One run on a stage that is set: enqueue, watch, sum up. */
final class Run {

    /**
     * An attempt that a killed worker had begun counts too, so with a single one whoever plays with kill -9 would lose
     * jobs; a file that can't be read has used up five within three seconds.
     */
    private static final int ATTEMPTS = 5;

    private static final JobType<Checksum> CHECKSUM =
            ExampleJobs.CHECKSUM.withDefaults(options -> options.maxAttempts(ATTEMPTS));

    private static final Duration LOOK = Duration.ofMillis(100);

    private final Stage stage;
    private final PrintStream out;
    private final boolean terminal;

    Run(Stage stage, PrintStream out, boolean terminal) {
        this.stage = stage;
        this.out = out;
        this.terminal = terminal;
    }

    /** Returns the exit status. */
    int of(FolderFiles files, boolean keep) throws QuickstartException, InterruptedException {
        try (Connection connection = stage.database().dataSource().getConnection()) {
            awaitWorker(connection);
            long start = System.nanoTime();
            long total = enqueue(files);
            JobCounts counts = watch(connection, total);
            Duration duration = Duration.ofNanos(System.nanoTime() - start);
            Summary summary =
                    new Summary(total, counts, duration, stage.database().url());
            summary.print(out, connection, keep);
            int status = summary.exitStatus();
            if (status != 0) {
                out.println(stage.keptWorkerLog());
            }
            if (keep) {
                keepRunning();
            }
            return status;
        } catch (SQLException | MillraceException e) {
            checkNotStopping();
            throw new QuickstartException(QuickstartException.FAILED, "The database failed: " + e.getMessage(), e);
        }
    }

    private void awaitWorker(Connection connection) throws SQLException, QuickstartException, InterruptedException {
        announce();
        while (!JobCounts.hasWorker(connection)) {
            if (stage.worker().diesWithin(LOOK)) {
                replaceWorker();
            }
        }
    }

    private long enqueue(FolderFiles files) {
        try (Millrace millrace = Millrace.connect(Database.of(stage.database().url()))) {
            long total =
                    millrace.enqueueAll(CHECKSUM, files.files().stream().map(file -> new Checksum(file.toString())));
            out.println("Enqueued " + total + (total == 1 ? " job, for the file" : " jobs, one for each file") + " in "
                    + files.folder());
            if (files.unreadableFolders() > 0) {
                out.println("  " + files.unreadableFolders() + " of its folders could not be looked into");
            }
            return total;
        }
    }

    private JobCounts watch(Connection connection, long total)
            throws SQLException, QuickstartException, InterruptedException {
        Progress progress = new Progress(out, terminal, total);
        JobCounts counts = JobCounts.read(connection);
        progress.show(counts.finalized());
        while (counts.finalized() < total) {
            if (stage.worker().diesWithin(LOOK)) {
                progress.endLine();
                replaceWorker();
            }
            counts = JobCounts.read(connection);
            progress.show(counts.finalized());
        }
        progress.endLine();
        return counts;
    }

    /** Until Ctrl-C, which ends this process. */
    private void keepRunning() throws QuickstartException, InterruptedException {
        while (true) {
            if (stage.worker().diesWithin(Duration.ofHours(1))) {
                replaceWorker();
            }
        }
    }

    private void replaceWorker() throws QuickstartException, InterruptedException {
        checkNotStopping();
        out.println("The " + stage.worker().end() + ": starting another, which gets its jobs in a few seconds");
        try {
            stage.worker().restart();
        } catch (QuickstartException tooOften) {
            throw new QuickstartException(
                    QuickstartException.FAILED, tooOften.getMessage() + " " + stage.keptWorkerLog(), tooOften);
        }
        announce();
    }

    private void checkNotStopping() throws InterruptedException {
        if (stage.isStopping()) {
            throw new InterruptedException("stopping");
        }
    }

    private void announce() {
        out.println("Started worker process " + stage.worker().pid() + ": kill -9 it, nothing is lost");
    }
}
