package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Counts jobs. */
@Command(
        name = "count",
        description = "Counts jobs. Without conditions: all.",
        footer = {
            "",
            "  millrace jobs count --state discarded --kind send_email",
            "  millrace jobs count --state completed --estimate"
        })
final class JobsCountCommand extends MillraceCommand {

    @Mixin
    private final JobFilterOptions filter = new JobFilterOptions();

    @Option(
            names = "--estimate",
            description = "What the statistics tell, at once however many they are; small numbers are overestimated.")
    private boolean estimate;

    @Option(names = "--json", description = "One JSON object.")
    private boolean json;

    JobsCountCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        try (Millrace millrace = Millrace.connect(database())) {
            long jobs = estimate
                    ? millrace.jobs().estimate(filter.filter())
                    : millrace.jobs().count(filter.filter());
            terminal.out()
                    .println(
                            json
                                    ? JsonText.JSON.writeValueAsString(Map.of(estimate ? "estimate" : "count", jobs))
                                    : jobs);
        }
        return ExitStatus.DONE;
    }
}
