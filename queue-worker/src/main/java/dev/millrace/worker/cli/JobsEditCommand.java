package dev.millrace.worker.cli;

import dev.millrace.job.RetrySchedule;
import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.EditOutcome;
import dev.millrace.ops.JobEdit;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Changes jobs that wait: arguments, priority, schedule and the like. */
@Command(
        name = "edit",
        description = "Changes jobs that wait: arguments, priority, schedule and the like.",
        footer = {
            "",
            "  millrace jobs edit 42 --set-priority 1 --set-in 0s",
            "  millrace jobs edit 42 --set-args '{\"to\": \"b@example.com\"}'",
            "  millrace jobs edit --queue mail --state available --set-queue bulk_mail --yes",
            "",
            "Exit status 1: an id was not found, or its job does not wait."
        })
final class JobsEditCommand extends JobsChangeCommand<EditOutcome> {

    @Parameters(arity = "0..*", paramLabel = "ID", description = "Ids of jobs.")
    private List<Long> ids = List.of();

    @Option(names = "--set-args", paramLabel = "JSON", description = "Other arguments.")
    private @Nullable String args;

    @Option(names = "--set-queue", paramLabel = "NAME", description = "Another queue.")
    private @Nullable String queue;

    @Option(names = "--set-priority", paramLabel = "1-4", description = "1 is first.")
    private @Nullable Integer priority;

    @Option(names = "--set-max-attempts", paramLabel = "N", description = "Attempts before the job is discarded.")
    private @Nullable Integer maxAttempts;

    @Option(names = "--set-in", paramLabel = "DURATION", description = "Due when this time has passed; 0s for now.")
    private @Nullable Duration in;

    @Option(names = "--set-at", paramLabel = "TIME", description = "Due at this moment, such as 2027-01-31T12:00:00Z.")
    private @Nullable Instant at;

    @Option(names = "--set-timeout", paramLabel = "DURATION", description = "How long one attempt may run.")
    private @Nullable Duration timeout;

    @Option(names = "--set-tag", paramLabel = "TAG", description = "Other tags than it has; repeatable.")
    private List<String> tags = List.of();

    @Option(names = "--set-metadata", paramLabel = "JSON", description = "Other metadata, a JSON object.")
    private @Nullable String metadata;

    @Option(
            names = "--set-retry-policy",
            paramLabel = "POLICY",
            description = "Wait before the next attempt: 'fixed 10s', 'exponential 1s 2.0 1h'.")
    private @Nullable RetrySchedule retryPolicy;

    @Option(
            names = "--unset",
            split = ",",
            paramLabel = "FIELD",
            description = "Take away: timeout, tags, metadata, retry_policy.")
    private List<Unset> unset = List.of();

    enum Unset {
        timeout,
        tags,
        metadata,
        retry_policy
    }

    JobsEditCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    List<Long> ids() {
        return ids;
    }

    @Override
    void check() {
        if (at != null && in != null) {
            throw new UsageException("Give --set-at or --set-in: one of both");
        }
        if (edit().isEmpty()) {
            throw new UsageException("Say what to change: give a --set option, or --unset");
        }
    }

    private JobEdit edit() {
        JobEdit edit = JobEdit.NOTHING;
        for (Unset field : unset) {
            edit = switch (field) {
                case timeout -> edit.timeout(null);
                case tags -> edit.tags();
                case metadata -> edit.metadata(null);
                case retry_policy -> edit.retryPolicy(null);
            };
        }
        edit = args == null ? edit : edit.args(JsonText.requireValue("--set-args", args));
        edit = queue == null ? edit : edit.queue(queue);
        edit = priority == null ? edit : edit.priority(priority);
        edit = maxAttempts == null ? edit : edit.maxAttempts(maxAttempts);
        edit = in == null ? edit : edit.in(in);
        edit = at == null ? edit : edit.at(at);
        edit = timeout == null ? edit : edit.timeout(timeout);
        edit = tags.isEmpty() ? edit : edit.tags(tags.toArray(new String[0]));
        edit = metadata == null ? edit : edit.metadata(JsonText.requireObject("--set-metadata", metadata));
        return retryPolicy == null ? edit : edit.retryPolicy(retryPolicy);
    }

    @Override
    Map<Long, EditOutcome> change(Jobs jobs, List<Long> ids) {
        return jobs.edit(ids, edit());
    }

    @Override
    BulkResult<EditOutcome> change(Jobs jobs, JobFilter filter, BulkOptions options) {
        return jobs.edit(filter, edit(), options);
    }

    @Override
    boolean isDone(EditOutcome outcome) {
        return outcome == EditOutcome.CHANGED;
    }

    @Override
    String commandName() {
        return "Edit";
    }
}
