package dev.millrace.worker;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.worker.metrics.MillraceMetrics;
import io.micrometer.core.instrument.MeterRegistry;

/** Samples of docs/metrics.md. */
final class MetricsSamples {

    record SendEmail(String to) {}

    interface Mailer {
        void send(SendEmail email);
    }

    private static final JobType<SendEmail> SEND_EMAIL = JobType.of("send_email", SendEmail.class);

    private MetricsSamples() {}

    static Worker metered(Database database, MeterRegistry registry, Mailer mailer) {
        MillraceMetrics metrics = new MillraceMetrics(registry);
        Millrace millrace = Millrace.builder(database).meter(metrics).connect();
        Worker worker = Worker.builder(database)
                .meter(metrics)
                .handle(SEND_EMAIL, (job, email) -> mailer.send(email))
                .build();
        metrics.bind(worker).bind(millrace);
        worker.start();
        return worker;
    }
}
