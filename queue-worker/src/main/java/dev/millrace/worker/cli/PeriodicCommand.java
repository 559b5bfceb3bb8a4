package dev.millrace.worker.cli;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The commands on periodic jobs. */
@Command(
        name = "periodic",
        description = "Jobs at given times: looks at them and changes them while workers run.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "  millrace periodic add report daily_report --cron '0 9 * * MON-FRI' --zone Europe/Berlin",
            "  millrace periodic add cleanup delete_old --every 15m --args '{\"days\": 30}' --missed skip",
            "  millrace periodic list",
            "  millrace periodic disable report"
        })
final class PeriodicCommand implements Runnable {

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help and exit.")
    @SuppressWarnings("unused") // picocli reads it.
    private boolean help;

    private PeriodicCommand() {}

    static CommandLine of(Terminal terminal) {
        return new CommandLine(new PeriodicCommand())
                .addSubcommand(new PeriodicListCommand(terminal))
                .addSubcommand(new PeriodicAddCommand(terminal))
                .addSubcommand(new PeriodicRunCommand(terminal))
                .addSubcommand(PeriodicChangeCommand.enable(terminal))
                .addSubcommand(PeriodicChangeCommand.disable(terminal))
                .addSubcommand(PeriodicChangeCommand.remove(terminal));
    }

    @Override
    public void run() {
        throw new ParameterException(
                Objects.requireNonNull(spec, "spec").commandLine(),
                "Name a command of periodic: list, add, run, enable, disable or remove");
    }
}
