package dev.millrace.examples;

import dev.millrace.job.RetryPolicy;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import dev.millrace.worker.handler.Result;
import java.time.Duration;

/** Handlers for all of {@link ExampleJobs}; a worker finds them with {@code --handlers examples.jar}. */
public final class ExampleHandlers implements HandlerProvider {

    /** So that trying it out does not take minutes. */
    private static final RetryPolicy SOON = RetryPolicy.fixed(Duration.ofSeconds(1));

    /** A file that is being replaced is back at once; one that is gone stays gone: 0.2 s, 0.4 s … 7 min. */
    private static final RetryPolicy FILE = (attempt, error) -> Duration.ofMillis(100L << Math.min(attempt, 12));

    @Override
    public void register(Handlers handlers) {
        handlers.handle(ExampleJobs.NOOP, (job, args) -> {})
                .handle(ExampleJobs.SLEEP, (job, sleep) -> Thread.sleep(sleep.millis()))
                .handle(
                        ExampleJobs.FLAKY,
                        (job, flaky) -> {
                            if (job.attempt() <= flaky.failures()) {
                                throw new IllegalStateException("Attempt " + job.attempt() + " fails, as do the first "
                                        + flaky.failures() + " of this job");
                            }
                        },
                        SOON)
                .handle(ExampleJobs.FAIL, (job, args) -> {
                    throw new IllegalStateException("This kind of job always fails");
                })
                .handleResult(ExampleJobs.CHECKSUM, (job, file) -> Result.done(FileChecksum.of(file.path())), FILE)
                .handle(ExampleJobs.TRANSFER, new TransferHandler());
    }
}
