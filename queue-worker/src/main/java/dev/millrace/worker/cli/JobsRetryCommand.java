package dev.millrace.worker.cli;

import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import dev.millrace.ops.RetryOutcome;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Makes jobs available now, whether they have ended, failed or are not yet due. */
@Command(
        name = "retry",
        description = "Makes jobs available now, whether they have ended, failed or are not yet due.",
        footer = {
            "",
            "  millrace jobs retry 42 43",
            "  millrace jobs retry --state retryable --error \"connection refused\"",
            "",
            "Exit status 1: an id was not found, or its job runs, or another one holds its unique key."
        })
final class JobsRetryCommand extends JobsChangeCommand<RetryOutcome> {

    @Parameters(arity = "0..*", paramLabel = "ID", description = "Ids of jobs.")
    private List<Long> ids = List.of();

    JobsRetryCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    List<Long> ids() {
        return ids;
    }

    /** Jobs of a kind that are completed are hardly meant. */
    @Override
    void check() {
        if (ids.isEmpty() && !conditions().hasStates()) {
            throw new UsageException("Say with --state what to retry; for the discarded ones there is jobs redrive");
        }
    }

    @Override
    Map<Long, RetryOutcome> change(Jobs jobs, List<Long> ids) {
        return jobs.retry(ids);
    }

    @Override
    BulkResult<RetryOutcome> change(Jobs jobs, JobFilter filter, BulkOptions options) {
        return jobs.retry(filter, options);
    }

    @Override
    boolean isDone(RetryOutcome outcome) {
        return outcome == RetryOutcome.RETRIED || outcome == RetryOutcome.AVAILABLE;
    }

    @Override
    String commandName() {
        return "Retry";
    }
}
