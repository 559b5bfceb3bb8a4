package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Enqueues a job of a periodic one. */
@Command(
        name = "run",
        description =
                "Enqueues one of its jobs now, also while it is disabled, and prints the id. Its schedule goes on.",
        footer = {"", "  millrace periodic run report"})
final class PeriodicRunCommand extends MillraceCommand {

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the periodic job.")
    private String name = "";

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    PeriodicRunCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        try (Millrace millrace = Millrace.connect(database())) {
            long id = millrace.periodic().runNow(name);
            terminal.out()
                    .println(
                            json
                                    ? JsonText.JSON.writeValueAsString(JsonText.JSON
                                            .createObjectNode()
                                            .put("name", name)
                                            .put("outcome", "enqueued")
                                            .put("id", id))
                                    : id);
        }
        return ExitStatus.DONE;
    }
}
