package dev.millrace.worker.cli;

import static dev.millrace.worker.cli.TextTable.cell;

import dev.millrace.ops.AttemptFailure;
import dev.millrace.ops.JobDetails;
import dev.millrace.ops.JobSummary;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Jobs for people: lines of text in which nothing that others wrote can steer the terminal. */
final class JobText {

    private static final String[] HEAD = {"ID", "STATE", "KIND", "QUEUE", "PRIORITY", "ATTEMPT", "WHEN", "LAST ERROR"};

    private JobText() {}

    /** Prints a line for each job. */
    static void table(PrintWriter out, List<JobSummary> jobs, boolean withHead, Colors colors) {
        List<String[]> rows = new ArrayList<>();
        if (withHead) {
            rows.add(colors.head(HEAD));
        }
        for (JobSummary job : jobs) {
            rows.add(new String[] {
                Long.toString(job.id()),
                colors.state(job.state()),
                cell(job.kind()),
                cell(job.queue()),
                Integer.toString(job.priority()),
                job.attempt() + "/" + job.maxAttempts(),
                seconds(when(job)),
                job.lastError() == null ? "" : shortened(cell(job.lastError()))
            });
        }
        if (!rows.isEmpty()) {
            TextTable.print(out, rows);
        }
    }

    /** What is known of a job, a line for each thing; JSON and failures below. */
    static List<String> of(JobDetails details) {
        JobSummary job = details.job();
        List<String> lines = new ArrayList<>();
        add(lines, "id", job.id());
        add(lines, "state", job.state().sql());
        add(lines, "kind", job.kind());
        add(lines, "queue", job.queue());
        add(lines, "priority", job.priority());
        add(lines, "attempt", job.attempt() + " of " + job.maxAttempts());
        add(lines, "created at", job.createdAt());
        add(lines, "scheduled at", job.scheduledAt());
        add(lines, "attempted at", job.attemptedAt());
        add(lines, "attempted by", job.attemptedBy());
        add(lines, "cancel requested", details.cancelRequestedAt());
        add(lines, "finalized at", job.finalizedAt());
        add(lines, "timeout", details.timeout());
        add(lines, "retry policy", details.retryPolicy());
        add(lines, "tags", job.tags().isEmpty() ? null : String.join(", ", job.tags()));
        add(lines, "unique key", details.uniqueKey());
        addJson(lines, "args", details.args());
        addJson(lines, "metadata", details.metadata());
        addJson(lines, "output", details.output());
        for (AttemptFailure failure : details.failures()) {
            lines.add("");
            lines.add("failed attempt " + Objects.requireNonNullElse(failure.attempt(), "?")
                    + (failure.at() == null ? "" : " at " + failure.at())
                    + (failure.worker() == null ? "" : " on " + cell(failure.worker())));
            indented(
                    lines,
                    Stream.of(failure.type(), failure.message())
                            .filter(Objects::nonNull)
                            .collect(Collectors.joining(": ")));
            if (failure.trace() != null) {
                indented(lines, failure.trace());
            }
        }
        return lines;
    }

    /** What counts in its state: when it ended, when its attempt began, or when it is due. */
    private static Instant when(JobSummary job) {
        if (job.finalizedAt() != null) {
            return job.finalizedAt();
        }
        return job.state().isWaiting() || job.attemptedAt() == null ? job.scheduledAt() : job.attemptedAt();
    }

    private static void add(List<String> lines, String name, @Nullable Object value) {
        if (value != null) {
            lines.add("%-18s%s".formatted(name, cell(value.toString())));
        }
    }

    private static void addJson(List<String> lines, String name, @Nullable String json) {
        if (json != null) {
            lines.add("");
            lines.add(name);
            indented(
                    lines,
                    JsonText.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(JsonText.JSON.readTree(json)));
        }
    }

    private static void indented(List<String> lines, String text) {
        text.lines().forEach(line -> lines.add("  " + cell(line.replace("\t", "    "))));
    }

    private static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 79) + "…";
    }

    private static String seconds(Instant moment) {
        return moment.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
