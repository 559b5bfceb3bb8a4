package dev.millrace.worker.cli;

import dev.millrace.job.JobType;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import java.util.concurrent.CountDownLatch;

/** The kind {@code stuck}: runs until the process ends, whoever asks or interrupts it. */
public final class StuckHandlers implements HandlerProvider {

    @Override
    public void register(Handlers handlers) {
        handlers.handle(JobType.of("stuck", Object.class), (job, args) -> {
            while (true) {
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException ignored) {
                    // As a handler does that knows better.
                }
            }
        });
    }
}
