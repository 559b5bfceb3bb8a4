package dev.millrace.worker.cli;

import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.DeleteOutcome;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Deletes jobs that do not run, with their history. */
@Command(
        name = "delete",
        description = "Deletes jobs that do not run, with their history.",
        footer = {
            "",
            "  millrace jobs delete 42",
            "  millrace jobs delete --state completed --finalized-before 2027-01-31T12:00:00Z --yes",
            "",
            "Exit status 1: an id was not found, or its job runs."
        })
final class JobsDeleteCommand extends JobsChangeCommand<DeleteOutcome> {

    @Parameters(arity = "0..*", paramLabel = "ID", description = "Ids of jobs.")
    private List<Long> ids = List.of();

    JobsDeleteCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    List<Long> ids() {
        return ids;
    }

    @Override
    Map<Long, DeleteOutcome> change(Jobs jobs, List<Long> ids) {
        return jobs.delete(ids);
    }

    @Override
    BulkResult<DeleteOutcome> change(Jobs jobs, JobFilter filter, BulkOptions options) {
        return jobs.delete(filter, options);
    }

    @Override
    boolean isDone(DeleteOutcome outcome) {
        return outcome == DeleteOutcome.DELETED;
    }

    @Override
    String commandName() {
        return "Delete";
    }
}
