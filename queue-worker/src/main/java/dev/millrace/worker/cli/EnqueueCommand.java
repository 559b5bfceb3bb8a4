package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.enqueue.EnqueueException;
import dev.millrace.enqueue.Enqueued;
import dev.millrace.error.MillraceException;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** Enqueues one job from its options, or any number from standard input. */
@Command(
        name = "enqueue",
        description = "Enqueues one job and prints its id, or jobs in bulk from standard input, all or none.",
        footer = {
            "",
            "  millrace enqueue send_email --args '{\"to\": \"a@example.com\"}' --in 5m",
            "  millrace enqueue sync --args '{\"customer\": 7}' --unique-by args.customer --unique-for 1h",
            "  millrace enqueue --stdin < jobs.ndjson",
            "",
            "A line of standard input is one JSON object:",
            "  {\"kind\": \"send_email\", \"args\": {\"to\": \"a@example.com\"}, \"queue\": \"mail\", \"priority\": 1, \"in\": \"5m\"}",
            "with the fields kind, args, queue, priority, max_attempts, at, in, timeout, tags, metadata, retry_policy, unique.",
            "  \"unique\": {\"by\": [\"args.customer\"], \"for\": \"1h\", \"states\": [\"running\"], \"on_conflict\": \"replace\", \"replace\": [\"args\"]}"
        })
final class EnqueueCommand extends MillraceCommand {

    /** Less than the 8 seconds after which the transaction of a bulk that makes no progress is ended. */
    private static final Duration INPUT_PATIENCE = Duration.ofSeconds(6);

    @Parameters(index = "0", arity = "0..1", paramLabel = "KIND", description = "Kind of the job.")
    private @Nullable String kind;

    @Mixin
    private final JobOptions job = new JobOptions();

    @Option(names = "--in", paramLabel = "DURATION", description = "Not before this time has passed.")
    private @Nullable Duration in;

    @Option(names = "--at", paramLabel = "TIME", description = "Not before this moment, such as 2027-01-31T12:00:00Z.")
    private @Nullable Instant at;

    @Option(
            names = "--unique-by",
            paramLabel = "WORD",
            split = ",",
            description = "Only one such job at a time: kind, args, args.FIELD or word=WORD; with queue, once in each"
                    + " queue; with any_kind, whatever the kind. Repeatable.")
    private List<String> uniqueBy = List.of();

    @Option(names = "--unique-for", paramLabel = "DURATION", description = "Once in each window of time.")
    private @Nullable Duration uniqueFor;

    @Option(
            names = "--unique-states",
            paramLabel = "STATE",
            split = ",",
            description = "States besides the waiting ones in which the job holds its key. Default: running.")
    private @Nullable List<String> uniqueStates;

    @Option(
            names = "--on-conflict",
            paramLabel = "WHAT",
            description = "While another job holds the key: skip, replace, debounce. Default: skip.")
    private @Nullable String onConflict;

    @Option(
            names = "--replace",
            paramLabel = "PART",
            split = ",",
            description = "What replace gives the job that waits: args, priority, max_attempts, scheduled_at, timeout,"
                    + " tags, metadata, retry_policy. Default: args.")
    private List<String> replace = List.of();

    @Option(names = "--stdin", description = "Read one job a line; nothing is enqueued if a line is bad.")
    private boolean stdin;

    @Option(names = "--print-ids", description = "With --stdin: print the ids in order instead of a count.")
    private boolean printIds;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(
            names = "--max-args-bytes",
            paramLabel = "N",
            description = "Limit for the arguments of a job. Default: ${DEFAULT-VALUE}.")
    private int maxArgsBytes = Millrace.DEFAULT_MAX_ARGS_BYTES;

    EnqueueCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() throws InterruptedException {
        if (stdin == (kind != null)) {
            throw new UsageException("Name a KIND, or give --stdin: one of both");
        }
        if (kind == null) {
            requireNoJobOptions();
            bulk();
        } else {
            one(job.job(kind, timeAndUniqueness()));
        }
        return ExitStatus.DONE;
    }

    private void one(NewJob job) {
        Enqueued enqueued;
        try (Millrace millrace = connect()) {
            enqueued = millrace.offer(job);
        }
        if (json) {
            terminal.out()
                    .println(JsonText.JSON.writeValueAsString(JsonText.JSON
                            .createObjectNode()
                            .put("id", enqueued.id())
                            .put("outcome", enqueued.outcome().name().toLowerCase(Locale.ROOT))));
            return;
        }
        if (!enqueued.isInserted()) {
            terminal.err()
                    .println("Not inserted: job " + enqueued.id() + " holds the unique key, and was "
                            + (enqueued.outcome() == Enqueued.Outcome.SKIPPED ? "left as it is" : "changed"));
        }
        terminal.out().println(enqueued.id());
    }

    private Millrace connect() {
        return Millrace.builder(database()).maxArgsBytes(maxArgsBytes).connect();
    }

    private void requireNoJobOptions() {
        boolean given = Stream.of(in, at, uniqueFor, uniqueStates, onConflict).anyMatch(Objects::nonNull);
        if (given || job.isGiven() || !uniqueBy.isEmpty() || !replace.isEmpty()) {
            throw new UsageException("With --stdin each line has its own arguments and options: write them there");
        }
    }

    private EnqueueOptions timeAndUniqueness() {
        if (at != null && in != null) {
            throw new UsageException("Give --at or --in: one of both");
        }
        EnqueueOptions options = EnqueueOptions.DEFAULTS;
        options = at == null ? options : options.at(at);
        options = in == null ? options : options.in(in);
        if (uniqueBy.isEmpty()) {
            if (uniqueFor != null || uniqueStates != null || onConflict != null || !replace.isEmpty()) {
                throw new UsageException("Give --unique-by with what is said of uniqueness");
            }
            return options;
        }
        return options.unique(UniqueWords.parse(uniqueBy, uniqueFor, uniqueStates, onConflict, replace));
    }

    private void bulk() throws InterruptedException {
        Ids ids = new Ids(printIds);
        long count;
        try (Millrace millrace = connect();
                JobLines lines = new JobLines(terminal.in(), maxArgsBytes, INPUT_PATIENCE);
                Progress progress = new Progress(terminal)) {
            lines.awaitFirst();
            try {
                count = millrace.enqueueAll(lines, id -> {
                    ids.add(id);
                    if (ids.count % 1_000 == 0) {
                        progress.tell("Enqueue: " + ids.count + " jobs");
                    }
                });
            } catch (EnqueueException refused) {
                throw new MillraceException(
                        lines.range() + " were not enqueued, nor was any other line: " + refused.getMessage(), refused);
            }
        }
        if (json) {
            ObjectNode object = JsonText.JSON.createObjectNode().put("jobs", count);
            if (printIds) {
                object.set("ids", JsonText.JSON.valueToTree(ids.kept()));
            }
            terminal.out().println(JsonText.JSON.writeValueAsString(object));
        } else if (printIds) {
            Arrays.stream(ids.kept()).forEach(terminal.out()::println);
        } else {
            terminal.out().println(count + (count == 1 ? " job enqueued" : " jobs enqueued"));
        }
    }

    /** Ids that hold only after the commit, eight bytes each, if they are to be kept. */
    private static final class Ids {

        private final boolean keep;
        private long[] ids = new long[1_024];
        private int count;

        Ids(boolean keep) {
            this.keep = keep;
        }

        void add(long id) {
            if (keep) {
                ids = count == ids.length ? Arrays.copyOf(ids, count * 2) : ids;
                ids[count] = id;
            }
            count++;
        }

        long[] kept() {
            return Arrays.copyOf(ids, count);
        }
    }
}
