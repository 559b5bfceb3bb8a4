package dev.millrace.worker.cli;

import static dev.millrace.worker.cli.TextTable.cell;

import dev.millrace.Millrace;
import dev.millrace.job.DurationText;
import dev.millrace.job.JobState;
import dev.millrace.queue.QueueInfo;
import dev.millrace.queue.Queues;
import dev.millrace.queue.RetentionRule;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Shows queues, and changes what is set for them while workers run. */
@Command(
        name = "queues",
        description = "Shows queues, and changes what is set for them while workers run.",
        footer = {
            "",
            "  millrace queues list                     all queues; one with its NAME",
            "  millrace queues pause mail               nothing of it is claimed any more; running jobs go on",
            "  millrace queues resume mail",
            "  millrace queues slots mail 20            jobs at once on each worker; 'default': as the worker was started with",
            "  millrace queues retention                how long history is kept",
            "  millrace queues retention --state discarded --keep 30d",
            "  millrace queues retention mail --keep none      its jobs are deleted when they end; 'default': as other queues",
            "",
            "In the list, 10000+ means that there are more, and ~ that a number is an estimate."
        })
final class QueuesCommand extends MillraceCommand {

    enum Action {
        list,
        pause,
        resume,
        slots,
        retention
    }

    /** A time to keep history, or none, or what other queues have. */
    record Keep(@Nullable Duration time) {

        static final class Converter implements ITypeConverter<Keep> {
            @Override
            public Keep convert(String value) {
                try {
                    return switch (value) {
                        case "none" -> new Keep(Duration.ZERO);
                        case "default" -> new Keep(null);
                        default -> new Keep(DurationText.parse(value));
                    };
                } catch (IllegalArgumentException failure) {
                    throw new TypeConversionException(failure.getMessage() + ", or none, or default");
                }
            }
        }
    }

    private static final List<JobState> FINAL =
            Stream.of(JobState.values()).filter(JobState::isFinal).toList();

    @Parameters(index = "0", paramLabel = "ACTION", description = "list, pause, resume, slots or retention.")
    private Action action = Action.list;

    @Parameters(index = "1", arity = "0..1", paramLabel = "QUEUE", description = "Name of the queue.")
    private @Nullable String queue;

    @Parameters(index = "2", arity = "0..1", paramLabel = "SLOTS", description = "With slots: a number, or default.")
    private @Nullable String slots;

    @Option(
            names = "--state",
            paramLabel = "STATE",
            description = "With retention: completed, cancelled or discarded. Default: all three.")
    private @Nullable String state;

    @Option(
            names = "--keep",
            paramLabel = "DURATION",
            converter = Keep.Converter.class,
            description = "With retention: keep at least this long, such as 12h or 7d; none; or default.")
    private @Nullable Keep keep;

    @Option(names = "--json", description = "Print JSON instead of a table.")
    private boolean json;

    QueuesCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        requireSense();
        try (Millrace millrace = Millrace.connect(database())) {
            Queues queues = millrace.queues();
            switch (action) {
                case list -> show(queue == null ? queues.list() : List.of(queues.get(queue)));
                case pause -> {
                    queues.pause(named());
                    show(queues, "Queue " + queue + " is paused");
                }
                case resume -> {
                    queues.resume(named());
                    show(queues, "Queue " + queue + " is not paused");
                }
                case slots -> {
                    Integer number = number();
                    queues.slots(named(), number);
                    show(
                            queues,
                            "Queue " + queue + " has "
                                    + (number == null
                                            ? "the slots of each worker's own setting"
                                            : number + " slots on each worker"));
                }
                case retention -> retention(queues);
            }
        }
        return ExitStatus.DONE;
    }

    private void requireSense() {
        boolean needsQueue = action == Action.pause || action == Action.resume || action == Action.slots;
        if (needsQueue && queue == null) {
            throw new UsageException("Name the QUEUE to " + (action == Action.slots ? "set the slots of" : action));
        }
        if ((action == Action.slots) != (slots != null)) {
            throw new UsageException(
                    slots == null ? "Give the number of SLOTS, or default" : "SLOTS goes with the action slots only");
        }
        if (action != Action.retention && (state != null || keep != null)) {
            throw new UsageException("--state and --keep go with the action retention only");
        }
        if (state != null && keep == null) {
            throw new UsageException("Give --keep with --state: how long to keep");
        }
    }

    private String named() {
        return Objects.requireNonNull(queue, "queue");
    }

    private @Nullable Integer number() {
        String given = Objects.requireNonNull(slots, "slots");
        if (given.equals("default")) {
            return null;
        }
        try {
            return Integer.valueOf(given);
        } catch (NumberFormatException notANumber) {
            throw new UsageException("SLOTS '" + given + "' is neither a number nor default");
        }
    }

    private void retention(Queues queues) {
        if (keep != null) {
            for (JobState one : state == null ? FINAL : List.of(JobState.ofSql(state))) {
                queues.retention(queue, one, keep.time());
            }
        }
        List<RetentionRule> rules = queues.retention().stream()
                .filter(rule -> queue == null || rule.queue() == null || queue.equals(rule.queue()))
                .toList();
        if (json) {
            print(rules.stream().map(QueuesCommand::fields).toList());
            return;
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(colors().head("QUEUE", "STATE", "KEEP"));
        rules.forEach(rule -> rows.add(new String[] {
            rule.queue() == null ? "(others)" : cell(rule.queue()),
            rule.state().sql(),
            rule.keep().isZero() ? "none" : DurationText.format(rule.keep())
        }));
        TextTable.print(terminal.out(), rows);
    }

    private static Map<String, Object> fields(RetentionRule rule) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("queue", rule.queue());
        fields.put("state", rule.state().sql());
        fields.put("keep_seconds", rule.keep().toMillis() / 1e3);
        return fields;
    }

    private void show(Queues queues, String sentence) {
        if (json) {
            print(fields(queues.get(named())));
        } else {
            terminal.out().println(sentence);
        }
    }

    private void show(List<QueueInfo> queues) {
        if (json) {
            print(queues.stream().map(QueuesCommand::fields).toList());
            return;
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(colors().head(
                        "QUEUE",
                        "SLOTS",
                        "BUSY",
                        "AVAILABLE",
                        "LAG",
                        "RUNNING",
                        "SCHEDULED",
                        "RETRYABLE",
                        "PENDING",
                        "COMPLETED",
                        "CANCELLED",
                        "DISCARDED",
                        "FINISHED/MIN",
                        "FAILED/MIN",
                        "WORKERS",
                        ""));
        queues.forEach(info -> rows.add(row(info)));
        TextTable.print(terminal.out(), rows);
    }

    private String[] row(QueueInfo info) {
        Duration lag = info.lag();
        return new String[] {
            cell(info.name()),
            info.slots() == null
                    ? String.valueOf(info.workerSlots())
                    : info.workerSlots() + " (" + info.slots() + " each)",
            String.valueOf(info.busySlots()),
            info.jobs(JobState.AVAILABLE) + (info.availableCapped() ? "+" : ""),
            lag == null ? "" : DurationText.format(Duration.ofSeconds(lag.toSeconds())),
            count(info, JobState.RUNNING),
            count(info, JobState.SCHEDULED),
            count(info, JobState.RETRYABLE),
            count(info, JobState.PENDING),
            count(info, JobState.COMPLETED),
            count(info, JobState.CANCELLED),
            count(info, JobState.DISCARDED),
            String.valueOf(info.finishedLastMinute()),
            String.valueOf(info.failedLastMinute()),
            String.valueOf(info.workers()),
            info.isPaused() ? colors().yellow("paused") : ""
        };
    }

    private static String count(QueueInfo info, JobState state) {
        return (info.estimated() ? "~" : "") + info.jobs(state);
    }

    private static Map<String, Object> fields(QueueInfo info) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", info.name());
        fields.put("paused_at", info.pausedAt() == null ? null : info.pausedAt().toString());
        fields.put("slots", info.slots());
        for (JobState state : JobState.values()) {
            fields.put(state.sql(), info.jobs(state));
        }
        fields.put("available_capped", info.availableCapped());
        fields.put("estimated", info.estimated());
        fields.put(
                "oldest_due_at",
                info.oldestDueAt() == null ? null : info.oldestDueAt().toString());
        fields.put("lag_seconds", info.lag() == null ? null : info.lag().toMillis() / 1e3);
        fields.put("workers", info.workers());
        fields.put("worker_slots", info.workerSlots());
        fields.put("busy", info.busySlots());
        fields.put("finished_last_minute", info.finishedLastMinute());
        fields.put("failed_last_minute", info.failedLastMinute());
        return fields;
    }

    private void print(Object value) {
        terminal.out().println(JsonText.JSON.writeValueAsString(value));
    }
}
