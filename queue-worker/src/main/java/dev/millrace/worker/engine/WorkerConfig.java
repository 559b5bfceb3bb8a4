package dev.millrace.worker.engine;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.DurationText;
import dev.millrace.job.JobEvent;
import dev.millrace.job.JobMeter;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.Handlers.Registration;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a worker runs with; built and checked by {@code Worker.Builder}.
 *
 * @param queues slots by queue
 * @param queueOptions by queue, where they are not the defaults
 * @param maintenance whether it may lead
 * @param handlers by kind
 * @param lease how long a silent worker keeps its jobs
 * @param pollInterval wait between claims where nothing wakes
 * @param grace how long running jobs may go on at close
 * @param codec for arguments and output
 * @param maxOutputBytes limit for the output of a job
 * @param abandonAfter how long a handler has to stop when asked
 * @param interceptors around each handler, the outermost first
 * @param onJobEvent is told what happens to jobs; null for nobody
 * @param periodic jobs at given times that this program defines
 * @param meter counts what happens to jobs; null for none
 */
public record WorkerConfig(
        Map<String, Integer> queues,
        Map<String, QueueOptions> queueOptions,
        boolean maintenance,
        Map<String, Registration<?>> handlers,
        Duration lease,
        Duration pollInterval,
        Duration grace,
        ArgsCodec codec,
        int maxOutputBytes,
        Duration abandonAfter,
        List<HandlerInterceptor> interceptors,
        @Nullable Consumer<JobEvent> onJobEvent,
        List<PeriodicJob> periodic,
        @Nullable JobMeter meter) {

    /** All of it in one line, for the log. */
    @Override
    public String toString() {
        return "queues " + queues + (queueOptions.isEmpty() ? "" : " " + queueOptions) + ", kinds " + handlers.keySet()
                + (periodic.isEmpty() ? "" : ", periodic " + periodic) + ", maintenance " + maintenance + ", lease "
                + DurationText.format(lease) + ", poll " + DurationText.format(pollInterval) + ", grace "
                + DurationText.format(grace) + ", abandon after " + DurationText.format(abandonAfter) + ", max output "
                + maxOutputBytes + " bytes";
    }
}
