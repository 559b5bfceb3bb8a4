package dev.millrace.worker.cli;

import dev.millrace.ops.AttemptFailure;
import dev.millrace.ops.JobDetails;
import dev.millrace.ops.JobSummary;
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

    private static final List<String> HEAD =
            List.of("ID", "STATE", "KIND", "QUEUE", "PRIORITY", "ATTEMPT", "WHEN", "LAST ERROR");

    private JobText() {}

    /** A line for each job, in columns as wide as these jobs need. */
    static List<String> table(List<JobSummary> jobs, boolean withHead) {
        List<List<String>> rows = new ArrayList<>();
        if (withHead) {
            rows.add(HEAD);
        }
        for (JobSummary job : jobs) {
            rows.add(List.of(
                    Long.toString(job.id()),
                    job.state().sql(),
                    line(job.kind()),
                    line(job.queue()),
                    Integer.toString(job.priority()),
                    job.attempt() + "/" + job.maxAttempts(),
                    seconds(when(job)),
                    job.lastError() == null ? "" : shortened(line(job.lastError()))));
        }
        int[] widths = new int[HEAD.size() - 1];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        return rows.stream().map(row -> aligned(row, widths)).toList();
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
                    + (failure.worker() == null ? "" : " on " + line(failure.worker())));
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

    private static String aligned(List<String> row, int[] widths) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            text.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
        }
        return text.append(row.get(widths.length)).toString().stripTrailing();
    }

    private static void add(List<String> lines, String name, @Nullable Object value) {
        if (value != null) {
            lines.add("%-18s%s".formatted(name, line(value.toString())));
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
        text.lines().forEach(line -> lines.add("  " + line(line.replace("\t", "    "))));
    }

    /** Text of others without line ends and control characters. */
    private static String line(String text) {
        return text.replaceAll("\\R", " ").replaceAll("\\p{Cntrl}", "?");
    }

    private static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 79) + "…";
    }

    private static String seconds(Instant moment) {
        return moment.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
