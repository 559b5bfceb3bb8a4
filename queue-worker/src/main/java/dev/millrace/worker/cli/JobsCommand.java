package dev.millrace.worker.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What the commands on jobs have in common: their name. */
@Command(
        name = "jobs",
        description = "Looks at jobs, and cancels, retries, edits or deletes them.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "  millrace jobs list --state running,retryable --queue mail",
            "  millrace jobs show 42",
            "  millrace jobs cancel 42 43",
            "  millrace jobs redrive --kind send_email --error timeout"
        })
final class JobsCommand {

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help and exit.")
    @SuppressWarnings("unused") // picocli reads it.
    private boolean help;

    private JobsCommand() {}

    static CommandLine commandLine(Terminal terminal) {
        return new CommandLine(new JobsCommand())
                .addSubcommand(new JobsListCommand(terminal))
                .addSubcommand(new JobsShowCommand(terminal))
                .addSubcommand(new JobsCountCommand(terminal))
                .addSubcommand(new JobsCancelCommand(terminal))
                .addSubcommand(new JobsRetryCommand(terminal))
                .addSubcommand(new JobsRedriveCommand(terminal))
                .addSubcommand(new JobsEditCommand(terminal))
                .addSubcommand(new JobsDeleteCommand(terminal));
    }
}
