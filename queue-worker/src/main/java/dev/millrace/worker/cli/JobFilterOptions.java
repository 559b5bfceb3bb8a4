package dev.millrace.worker.cli;

import dev.millrace.job.JobState;
import dev.millrace.ops.JobFilter;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say which jobs are meant: those that meet all of them. */
final class JobFilterOptions {

    @Option(
            names = "--state",
            split = ",",
            paramLabel = "STATE",
            description =
                    "In one of these states: available, running, scheduled, retryable, pending, completed, cancelled, discarded.")
    private List<JobState> states = List.of();

    @Option(names = "--kind", split = ",", paramLabel = "KIND", description = "Of one of these kinds.")
    private List<String> kinds = List.of();

    @Option(names = "--queue", split = ",", paramLabel = "NAME", description = "In one of these queues.")
    private List<String> queues = List.of();

    @Option(names = "--tag", paramLabel = "TAG", description = "With this tag; given again, with all of them.")
    private List<String> tags = List.of();

    @Option(names = "--any-tag", split = ",", paramLabel = "TAG", description = "With at least one of these tags.")
    private List<String> anyTag = List.of();

    @Option(names = "--id-from", paramLabel = "ID", description = "With this id or a higher one.")
    private @Nullable Long idFrom;

    @Option(names = "--id-to", paramLabel = "ID", description = "With this id or a lower one.")
    private @Nullable Long idTo;

    @Option(
            names = "--created-from",
            paramLabel = "TIME",
            description = "Enqueued then or later, such as 2027-01-31T12:00:00Z.")
    private @Nullable Instant createdFrom;

    @Option(names = "--created-before", paramLabel = "TIME", description = "Enqueued before.")
    private @Nullable Instant createdBefore;

    @Option(names = "--scheduled-from", paramLabel = "TIME", description = "Due then or later.")
    private @Nullable Instant scheduledFrom;

    @Option(names = "--scheduled-before", paramLabel = "TIME", description = "Due before.")
    private @Nullable Instant scheduledBefore;

    @Option(names = "--finalized-from", paramLabel = "TIME", description = "Ended then or later.")
    private @Nullable Instant finalizedFrom;

    @Option(names = "--finalized-before", paramLabel = "TIME", description = "Ended before.")
    private @Nullable Instant finalizedBefore;

    @Option(
            names = "--args",
            paramLabel = "JSON",
            description = "Whose arguments contain this JSON, as {\"to\": \"a@example.com\"}.")
    private @Nullable String args;

    @Option(names = "--worker", paramLabel = "ID", description = "Whose latest attempt ran or runs on this worker.")
    private @Nullable String worker;

    @Option(
            names = "--error",
            paramLabel = "TEXT",
            description = "Whose latest failure has this in its type or message, in whatever case.")
    private @Nullable String error;

    /** Whether any option was given. */
    boolean isGiven() {
        return hasStates()
                || Stream.of(kinds, queues, tags, anyTag).anyMatch(list -> !list.isEmpty())
                || Stream.of(
                                idFrom,
                                idTo,
                                createdFrom,
                                createdBefore,
                                scheduledFrom,
                                scheduledBefore,
                                finalizedFrom,
                                finalizedBefore,
                                args,
                                worker,
                                error)
                        .anyMatch(Objects::nonNull);
    }

    boolean hasStates() {
        return !states.isEmpty();
    }

    JobFilter filter() {
        JobFilter filter = JobFilter.ALL
                .states(states.toArray(new JobState[0]))
                .kinds(kinds.toArray(new String[0]))
                .queues(queues.toArray(new String[0]))
                .allTags(tags.toArray(new String[0]))
                .anyTag(anyTag.toArray(new String[0]));
        filter = idFrom == null ? filter : filter.idFrom(idFrom);
        filter = idTo == null ? filter : filter.idTo(idTo);
        filter = createdFrom == null ? filter : filter.createdFrom(createdFrom);
        filter = createdBefore == null ? filter : filter.createdBefore(createdBefore);
        filter = scheduledFrom == null ? filter : filter.scheduledFrom(scheduledFrom);
        filter = scheduledBefore == null ? filter : filter.scheduledBefore(scheduledBefore);
        filter = finalizedFrom == null ? filter : filter.finalizedFrom(finalizedFrom);
        filter = finalizedBefore == null ? filter : filter.finalizedBefore(finalizedBefore);
        filter = args == null ? filter : filter.argsContain(JsonText.requireValue("--args", args));
        filter = worker == null ? filter : filter.attemptedBy(worker);
        return error == null ? filter : filter.errorContains(error);
    }
}
