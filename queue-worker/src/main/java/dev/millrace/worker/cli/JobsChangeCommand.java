package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.Jobs;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** What is done to jobs: to those of the ids given, each answered in a line, or to all that meet conditions, which are counted. */
abstract class JobsChangeCommand<O extends Enum<O>> extends MillraceCommand {

    /** Exact up to here when it is asked whether to go on. */
    private static final long COUNTED = 1_000_000;

    @Mixin
    private final JobFilterOptions conditions = new JobFilterOptions();

    @Option(names = "--all", description = "All jobs, where no condition is given.")
    private boolean all;

    @Option(
            names = "--limit",
            paramLabel = "N",
            description = "With conditions: most jobs, those with the lowest ids first. Default: all that meet them.")
    private @Nullable Long limit;

    @Option(names = "--yes", description = "With conditions: do not ask.")
    private boolean yes;

    @Option(
            names = "--json",
            description = "One JSON object: what became of each ID, or with conditions, how many jobs of each outcome.")
    private boolean json;

    JobsChangeCommand(Terminal terminal) {
        super(terminal);
    }

    /** Ids given; empty where the command takes none. */
    abstract List<Long> ids();

    /** Checks what the options are together. */
    void check() {}

    /** The jobs that meet the conditions, where the command has one of its own. */
    JobFilter narrowed(JobFilter given) {
        return given;
    }

    final JobFilterOptions conditions() {
        return conditions;
    }

    abstract Map<Long, O> change(Jobs jobs, List<Long> ids);

    abstract BulkResult<O> change(Jobs jobs, JobFilter filter, BulkOptions options);

    /** Whether what was wanted is so now. */
    abstract boolean isDone(O outcome);

    @Override
    final int run() {
        List<Long> ids = ids();
        boolean conditional = conditions.isGiven() || all;
        if (ids.isEmpty() != conditional) {
            throw new UsageException(
                    conditional
                            ? "Give IDs or conditions: one of both"
                            : "Say which jobs: by conditions, or --all" + orIds());
        }
        if (all && conditions.isGiven()) {
            throw new UsageException("--all is for no conditions: leave it out");
        }
        check();
        if (!conditional) {
            return one(ids);
        }
        JobFilter filter = narrowed(conditions.filter());
        BulkOptions options = limit == null ? BulkOptions.DEFAULTS : BulkOptions.DEFAULTS.limit(limit);
        if (!yes && !terminal.interactive()) {
            throw new UsageException("Nobody can be asked here whether to go on: give --yes");
        }
        try (Millrace millrace = Millrace.connect(database())) {
            if (!yes && !isConfirmed(millrace.jobs(), filter)) {
                (json ? terminal.err() : terminal.out()).println("Nothing was changed");
                return ExitStatus.FAILED;
            }
            show(changeAll(millrace.jobs(), filter, options));
        }
        return ExitStatus.DONE;
    }

    private BulkResult<O> changeAll(Jobs jobs, JobFilter filter, BulkOptions options) {
        try (Progress progress = new Progress(terminal)) {
            return change(
                    jobs,
                    filter,
                    options.onProgress(done -> progress.tell(commandName() + ": " + done.jobs() + " jobs")));
        }
    }

    private void show(BulkResult<O> result) {
        if (json) {
            ObjectNode object = JsonText.JSON.createObjectNode().put("jobs", result.jobs());
            result.counts().forEach((outcome, jobs) -> object.put(word(outcome), jobs));
            terminal.out().println(JsonText.JSON.writeValueAsString(object));
            return;
        }
        if (result.jobs() == 0) {
            terminal.out().println("0 jobs");
        }
        result.counts().forEach((outcome, jobs) -> terminal.out().println(word(outcome) + " " + jobs));
    }

    /** In the order in which they were asked for. */
    private void show(List<Long> ids, Map<Long, O> outcomes) {
        if (json) {
            ObjectNode object = JsonText.JSON.createObjectNode();
            ids.stream().distinct().forEach(id -> object.put(String.valueOf(id), word(outcomes.get(id))));
            terminal.out()
                    .println(JsonText.JSON.writeValueAsString(
                            JsonText.JSON.createObjectNode().set("outcomes", object)));
            return;
        }
        ids.stream().distinct().forEach(id -> terminal.out().println(id + " " + word(outcomes.get(id))));
    }

    private int one(List<Long> ids) {
        if (limit != null) {
            throw new UsageException("--limit is for conditions: leave it out");
        }
        Map<Long, O> outcomes;
        try (Millrace millrace = Millrace.connect(database())) {
            outcomes = change(millrace.jobs(), ids);
        }
        show(ids, outcomes);
        return outcomes.values().stream().allMatch(this::isDone) ? ExitStatus.DONE : ExitStatus.FAILED;
    }

    private boolean isConfirmed(Jobs jobs, JobFilter filter) {
        long cap = limit == null ? COUNTED + 1 : Math.min(limit, COUNTED + 1);
        long count = jobs.countUpTo(filter, cap);
        String number = count > COUNTED ? "more than " + COUNTED : String.valueOf(count);
        if (count == 0) {
            return true;
        }
        terminal.err().print(commandName() + " " + number + (count == 1 ? " job" : " jobs") + "? [y/N] ");
        terminal.err().flush();
        // Not closed: it would close the input of the process.
        @SuppressWarnings("resource")
        Scanner answer = new Scanner(terminal.in(), java.nio.charset.StandardCharsets.UTF_8);
        return answer.hasNextLine()
                && List.of("y", "yes").contains(answer.nextLine().strip().toLowerCase(Locale.ROOT));
    }

    private String orIds() {
        return takesIds() ? ", or by IDs" : "";
    }

    boolean takesIds() {
        return true;
    }

    /** For the question: {@code Cancel}. */
    abstract String commandName();

    private static String word(@Nullable Enum<?> outcome) {
        return String.valueOf(outcome).toLowerCase(Locale.ROOT);
    }
}
