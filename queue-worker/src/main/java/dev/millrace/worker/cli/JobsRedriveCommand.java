package dev.millrace.worker.cli;

import dev.millrace.job.JobState;
import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import dev.millrace.ops.RetryOutcome;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/** Retries dead letters: the discarded jobs that meet the conditions. */
@Command(
        name = "redrive",
        description = "Retries dead letters: the discarded jobs that meet the conditions.",
        footer = {
            "",
            "  millrace jobs redrive --kind send_email --error timeout",
            "  millrace jobs redrive --all --limit 1000 --yes"
        })
final class JobsRedriveCommand extends JobsChangeCommand<RetryOutcome> {

    JobsRedriveCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    List<Long> ids() {
        return List.of();
    }

    @Override
    boolean takesIds() {
        return false;
    }

    @Override
    void check() {
        if (conditions().hasStates()) {
            throw new UsageException("Only discarded jobs are redriven: leave --state out, or use jobs retry");
        }
    }

    @Override
    JobFilter narrowed(JobFilter given) {
        return given.states(JobState.DISCARDED);
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
        return outcome == RetryOutcome.RETRIED;
    }

    @Override
    String commandName() {
        return "Redrive";
    }
}
