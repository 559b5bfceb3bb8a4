package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.PeriodicStatements.Added;
import dev.millrace.periodic.Schedule;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Adds a periodic job to the database, or replaces one. */
@Command(
        name = "add",
        description = "Adds a periodic job, or replaces the definition of that name, and prints its next ticks.",
        footer = {
            "",
            "  millrace periodic add report daily_report --cron '0 9 * * MON-FRI' --zone Europe/Berlin",
            "  millrace periodic add cleanup delete_old --every 15m --args '{\"days\": 30}' --missed skip",
            "",
            "A cron expression has the fields minute, hour, day of month, month, day of week; a sixth before them is the second."
        })
final class PeriodicAddCommand extends MillraceCommand {

    private static final int TICKS_SHOWN = 3;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the periodic job.")
    private String name = "";

    @Parameters(index = "1", paramLabel = "KIND", description = "Kind of the jobs it enqueues.")
    private String kind = "";

    @Option(
            names = "--cron",
            paramLabel = "EXPRESSION",
            description = "When: a cron expression, or @daily and the like.")
    private @Nullable String cron;

    @Option(
            names = "--every",
            paramLabel = "DURATION",
            description = "When: so often, counted from 1970 in UTC; 15m means at :00, :15, :30 and :45.")
    private @Nullable Duration every;

    @Option(
            names = "--zone",
            paramLabel = "ZONE",
            description = "Time zone of the cron expression, such as Europe/Berlin. Default: UTC.")
    private @Nullable String zone;

    @Option(
            names = "--missed",
            paramLabel = "skip|one|all",
            description = "Ticks more than a minute late: skip them, run one for all, or all. Default: one.")
    private @Nullable String missed;

    @Mixin
    private final JobOptions job = new JobOptions();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    PeriodicAddCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        Schedule schedule = schedule();
        PeriodicJob periodic = PeriodicJob.of(name, schedule, job.job(kind, EnqueueOptions.DEFAULTS))
                .missed(missed == null ? MissedTicks.ONE : MissedTicks.of(missed.toLowerCase(Locale.ROOT)));
        try (Millrace millrace = Millrace.connect(database())) {
            Added added = millrace.periodic().add(periodic);
            List<String> next = millrace.periodic().upcoming(schedule, TICKS_SHOWN).stream()
                    .map(Object::toString)
                    .toList();
            String outcome = added.name().toLowerCase(Locale.ROOT);
            if (json) {
                terminal.out()
                        .println(JsonText.JSON.writeValueAsString(JsonText.JSON
                                .createObjectNode()
                                .put("name", name)
                                .put("outcome", outcome)
                                .set("next_ticks", JsonText.JSON.valueToTree(next))));
            } else {
                terminal.out()
                        .println("Periodic job " + name + " " + outcome + ", next "
                                + (next.isEmpty() ? "never" : String.join(", ", next)));
            }
        }
        return ExitStatus.DONE;
    }

    private Schedule schedule() {
        if ((cron == null) == (every == null)) {
            throw new UsageException("Give --cron or --every: one of both");
        }
        if (every != null) {
            if (zone != null) {
                throw new UsageException("--zone is for --cron: an interval is the same everywhere");
            }
            return Schedule.every(every);
        }
        return Schedule.parse("cron " + cron, zone == null ? "UTC" : zone);
    }
}
