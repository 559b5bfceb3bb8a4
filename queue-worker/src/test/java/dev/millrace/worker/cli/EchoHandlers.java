package dev.millrace.worker.cli;

import dev.millrace.job.JobType;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import dev.millrace.worker.handler.Result;
import java.util.Map;

/** The kind {@code echo}: its output is its arguments, and the class loader that its thread looks into. */
public final class EchoHandlers implements HandlerProvider {

    @Override
    public void register(Handlers handlers) {
        handlers.handleResult(
                JobType.of("echo", Object.class),
                (job, args) -> Result.done(Map.of(
                        "args",
                        args,
                        "loader",
                        String.valueOf(
                                Thread.currentThread().getContextClassLoader().getName()))));
    }
}
