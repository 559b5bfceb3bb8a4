package dev.millrace.worker.cli;

import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.CancelOutcome;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Cancels jobs: at once what waits; what runs is asked to stop. */
@Command(
        name = "cancel",
        description = "Cancels jobs: at once what waits; what runs is asked to stop.",
        footer = {
            "",
            "  millrace jobs cancel 42 43",
            "  millrace jobs cancel --kind send_email --state available,scheduled,retryable",
            "",
            "Exit status 1: an id was not found, or its job had ended before."
        })
final class JobsCancelCommand extends JobsChangeCommand<CancelOutcome> {

    @Parameters(arity = "0..*", paramLabel = "ID", description = "Ids of jobs.")
    private List<Long> ids = List.of();

    JobsCancelCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    List<Long> ids() {
        return ids;
    }

    @Override
    Map<Long, CancelOutcome> change(Jobs jobs, List<Long> ids) {
        return jobs.cancel(ids);
    }

    @Override
    BulkResult<CancelOutcome> change(Jobs jobs, JobFilter filter, BulkOptions options) {
        return jobs.cancel(filter, options);
    }

    @Override
    boolean isDone(CancelOutcome outcome) {
        return outcome == CancelOutcome.CANCELLED || outcome == CancelOutcome.REQUESTED;
    }

    @Override
    String commandName() {
        return "Cancel";
    }
}
