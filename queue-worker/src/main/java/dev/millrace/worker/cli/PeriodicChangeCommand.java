package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.error.MillraceException;
import dev.millrace.periodic.PeriodicJobs;
import java.util.function.BiPredicate;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What is done to one periodic job by its name: to enable, disable or remove it. */
@Command
final class PeriodicChangeCommand extends MillraceCommand {

    private final BiPredicate<PeriodicJobs, String> change;
    private final String outcome;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the periodic job.")
    private String name = "";

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private PeriodicChangeCommand(Terminal terminal, BiPredicate<PeriodicJobs, String> change, String outcome) {
        super(terminal);
        this.change = change;
        this.outcome = outcome;
    }

    static CommandLine enable(Terminal terminal) {
        return of(
                new PeriodicChangeCommand(terminal, PeriodicJobs::enable, "enabled"),
                "enable",
                "Lets it run again. Ticks that passed while it was disabled are left out.");
    }

    static CommandLine disable(Terminal terminal) {
        return of(
                new PeriodicChangeCommand(terminal, PeriodicJobs::disable, "disabled"),
                "disable",
                "Stops it until it is enabled again, also across restarts and new releases of the program.");
    }

    static CommandLine remove(Terminal terminal) {
        return of(
                new PeriodicChangeCommand(terminal, PeriodicJobs::remove, "removed"),
                "remove",
                "Takes it away; its jobs stay. One that is defined in code comes back when a worker starts.");
    }

    private static CommandLine of(PeriodicChangeCommand command, String name, String description) {
        CommandLine line = new CommandLine(command).setCommandName(name);
        line.getCommandSpec()
                .usageMessage()
                .description(description)
                .footer("", "  millrace periodic " + name + " report");
        return line;
    }

    @Override
    int run() {
        try (Millrace millrace = Millrace.connect(database())) {
            if (!change.test(millrace.periodic(), name)) {
                throw new MillraceException("There is no periodic job '" + name + "'");
            }
        }
        terminal.out()
                .println(
                        json
                                ? JsonText.JSON.writeValueAsString(JsonText.JSON
                                        .createObjectNode()
                                        .put("name", name)
                                        .put("outcome", outcome))
                                : "Periodic job " + name + " " + outcome);
        return ExitStatus.DONE;
    }
}
