package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.JobOrder;
import dev.millrace.ops.JobPage;
import dev.millrace.ops.JobSummary;
import dev.millrace.ops.PageRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists jobs, page by page. */
@Command(
        name = "list",
        description = "Lists jobs, newest first. Without conditions: all.",
        footer = {
            "",
            "  millrace jobs list --state discarded --kind send_email",
            "  millrace jobs list --state scheduled,retryable --order due --limit 20",
            "  millrace jobs list --args '{\"to\": \"a@example.com\"}' --json | jq .id",
            "",
            "Conditions that few jobs meet may have to read many others: give --state, --id-from or --finalized-from too."
        })
final class JobsListCommand extends MillraceCommand {

    private static final int MOST_ON_A_PAGE = 1_000;

    enum Order {
        newest,
        oldest,
        due
    }

    @Mixin
    private final JobFilterOptions filter = new JobFilterOptions();

    @Option(names = "--limit", paramLabel = "N", description = "Most jobs to list. Default: ${DEFAULT-VALUE}.")
    private int limit = 100;

    @Option(
            names = "--order",
            paramLabel = "newest|oldest|due",
            description = "due: scheduled and retryable jobs, soonest first. Default: ${DEFAULT-VALUE}.")
    private Order order = Order.newest;

    @Option(
            names = "--after",
            paramLabel = "PLACE",
            description = "Go on where another list ended, in its order, as it says in its last line.")
    private @Nullable String after;

    @Option(names = "--json", description = "One JSON object a line; where to go on is said on standard error.")
    private boolean json;

    JobsListCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        if (limit < 1) {
            throw new UsageException("--limit " + limit + " is out of range: 1 or more");
        }
        JobFilter wanted = filter.filter();
        PageRequest page = PageRequest.FIRST.order(
                switch (order) {
                    case newest -> JobOrder.NEWEST_FIRST;
                    case oldest -> JobOrder.OLDEST_FIRST;
                    case due -> JobOrder.DUE_FIRST;
                });
        page = after == null ? page : page.after(after);
        String place = null;
        try (Millrace millrace = Millrace.connect(database())) {
            for (int left = limit; left > 0; ) {
                PageRequest next = page.size(Math.min(left, MOST_ON_A_PAGE));
                JobPage some = millrace.jobs().list(wanted, place == null ? next : next.after(place));
                print(some.jobs(), left == limit);
                place = some.next();
                left = place == null ? 0 : left - some.jobs().size();
            }
        }
        if (place != null) {
            (json ? terminal.err() : terminal.out()).println("More: --after " + place);
        }
        return ExitStatus.DONE;
    }

    private void print(List<JobSummary> jobs, boolean first) {
        if (json) {
            jobs.forEach(job -> terminal.out().println(JobJson.of(job)));
        } else {
            JobText.table(terminal.out(), jobs, first, colors());
        }
        terminal.out().flush();
    }
}
