package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import java.util.Map;
import org.jspecify.annotations.Nullable;
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
            "  millrace jobs count --state completed --estimate",
            "  millrace jobs count --kind send_email --up-to 10000"
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

    @Option(
            names = "--up-to",
            paramLabel = "N",
            description = "Counts no further: prints N where N or more match. Without it each matching job is read.")
    private @Nullable Long upTo;

    JobsCountCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        if (estimate && upTo != null) {
            throw new UsageException("--estimate and --up-to contradict each other: give one of them");
        }
        try (Millrace millrace = Millrace.connect(database())) {
            Jobs jobs = millrace.jobs();
            JobFilter matching = filter.filter();
            long found = estimate
                    ? jobs.estimate(matching)
                    : upTo != null ? jobs.countUpTo(matching, upTo) : jobs.count(matching);
            terminal.out()
                    .println(
                            json
                                    ? JsonText.JSON.writeValueAsString(Map.of(estimate ? "estimate" : "count", found))
                                    : found);
        }
        return ExitStatus.DONE;
    }
}
