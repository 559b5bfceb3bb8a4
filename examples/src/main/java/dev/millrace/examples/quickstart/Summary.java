package dev.millrace.examples.quickstart;

import java.io.PrintStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * What came of a run, and where to look next.
 *
 * @param total jobs enqueued
 * @param counts how they ended
 * @param duration from before the first was enqueued until the last had ended
 * @param url of the database
 */
record Summary(long total, JobCounts counts, Duration duration, String url) {

    private static final int FAILURES_SHOWN = 5;

    int exitStatus() {
        return counts.completed() == total ? 0 : QuickstartException.FAILED;
    }

    void print(PrintStream out, Connection connection, boolean keep) throws SQLException {
        double seconds = Math.max(duration.toNanos(), 1) / 1e9;
        out.println();
        out.printf(
                Locale.ROOT,
                "%d %s: %d completed, %d failed, in %.2f s (%.0f jobs/s)%n",
                total,
                total == 1 ? "job" : "jobs",
                counts.completed(),
                counts.failed(),
                seconds,
                total / seconds);
        List<String> failures = JobCounts.failures(connection, FAILURES_SHOWN);
        failures.forEach(failure -> out.println("  failed: " + failure));
        if (counts.failed() > failures.size()) {
            out.println("  … and " + (counts.failed() - failures.size()) + " more");
        }
        out.println();
        out.println("Database: " + url);
        if (!keep) {
            out.println("Server and worker stop now, and the data is removed. With --keep they go on until Ctrl-C,");
            out.println("and you can look at the jobs, for example (the port is another one each time):");
        } else {
            out.println("Look at the jobs, from another terminal:");
        }
        query(out, "SELECT state, count(*) FROM millrace.job GROUP BY state");
        query(
                out,
                "SELECT args->>'path' AS path, output->>'sha256' AS sha256 FROM millrace.job ORDER BY (output->>'size')::bigint DESC NULLS LAST LIMIT 5");
        query(
                out,
                "SELECT id, attempt, attempted_by, errors->-1->>'message' AS last_error FROM millrace.job WHERE errors IS NOT NULL LIMIT 5");
        out.println((keep ? "Or enqueue one" : "Or enqueue one, as any program that speaks SQL can") + ":");
        query(out, "INSERT INTO millrace.job (kind, args) VALUES ('sleep', jsonb_build_object('millis', 500))");
        if (keep) {
            out.println("Server and worker go on until Ctrl-C, which stops both and removes the data.");
        }
    }

    private void query(PrintStream out, String sql) {
        out.println("  psql \"" + url + "\" -c \"" + sql + "\"");
    }
}
