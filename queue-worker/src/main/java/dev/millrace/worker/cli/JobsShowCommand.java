package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.error.MillraceException;
import dev.millrace.ops.JobDetails;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows one job with its history. */
@Command(
        name = "show",
        description = "Shows one job with its arguments, output and failed attempts.",
        footer = {"", "  millrace jobs show 42", "  millrace jobs show 42 --json | jq .failures"})
final class JobsShowCommand extends MillraceCommand {

    @Parameters(index = "0", paramLabel = "ID", description = "Id of the job.")
    private long id;

    @Option(names = "--json", description = "One JSON object.")
    private boolean json;

    JobsShowCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        try (Millrace millrace = Millrace.connect(database())) {
            JobDetails job = millrace.jobs()
                    .get(id)
                    .orElseThrow(() -> new MillraceException("There is no job " + id
                            + ": it was deleted, or its retention is over, or it has never been"));
            if (json) {
                terminal.out().println(JobJson.of(job));
            } else {
                JobText.of(job).forEach(terminal.out()::println);
            }
        }
        return ExitStatus.DONE;
    }
}
