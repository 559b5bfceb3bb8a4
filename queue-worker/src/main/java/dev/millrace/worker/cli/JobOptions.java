package dev.millrace.worker.cli;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetrySchedule;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is said of a job to be enqueued, now or by a schedule. */
final class JobOptions {

    @Option(names = "--args", paramLabel = "JSON", description = "Arguments, one JSON value. Default: {}.")
    private @Nullable String args;

    @Option(names = "--queue", paramLabel = "NAME", description = "Queue. Default: default.")
    private @Nullable String queue;

    @Option(names = "--priority", paramLabel = "1-4", description = "1 is first. Default: 2.")
    private @Nullable Integer priority;

    @Option(
            names = "--max-attempts",
            paramLabel = "N",
            description = "Attempts before the job is discarded. Default: 25.")
    private @Nullable Integer maxAttempts;

    @Option(names = "--timeout", paramLabel = "DURATION", description = "How long one attempt may run.")
    private @Nullable Duration timeout;

    @Option(names = "--tag", paramLabel = "TAG", description = "Word to find the job by; repeatable.")
    private List<String> tags = List.of();

    @Option(names = "--metadata", paramLabel = "JSON", description = "JSON object that travels with the job.")
    private @Nullable String metadata;

    @Option(
            names = "--retry-policy",
            paramLabel = "POLICY",
            description = "Wait between attempts: 'fixed 10s', or 'exponential 1s 2.0 1h' (first, factor, most)."
                    + " Default: as the handler says.")
    private @Nullable RetrySchedule retryPolicy;

    /** Whether any option was given. */
    boolean isGiven() {
        return !tags.isEmpty()
                || Stream.of(args, queue, priority, maxAttempts, timeout, metadata, retryPolicy)
                        .anyMatch(Objects::nonNull);
    }

    /**
     * The job.
     *
     * @param kind its kind
     * @param given options that others have set
     * @throws IllegalArgumentException if what was said is not possible
     */
    NewJob job(String kind, EnqueueOptions given) {
        EnqueueOptions options = given;
        options = queue == null ? options : options.queue(queue);
        options = priority == null ? options : options.priority(priority);
        options = maxAttempts == null ? options : options.maxAttempts(maxAttempts);
        options = timeout == null ? options : options.timeout(timeout);
        options = retryPolicy == null ? options : options.retryPolicy(retryPolicy);
        options = tags.isEmpty() ? options : options.tags(tags.toArray(new String[0]));
        options = metadata == null ? options : options.metadata(JsonText.requireObject("--metadata", metadata));
        return new NewJob(kind, JsonText.requireValue("--args", args == null ? "{}" : args), options);
    }
}
