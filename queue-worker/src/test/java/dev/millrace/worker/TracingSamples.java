package dev.millrace.worker;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import dev.millrace.worker.tracing.MillraceTracing;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.OpenTelemetry;

/** The samples of docs/tracing.md, which are to compile. */
final class TracingSamples {

    private record Email(String to) {}

    private interface Mailer {
        void send(Email email);
    }

    private static final JobType<Email> SEND_EMAIL = JobType.of("send_email", Email.class);

    private TracingSamples() {}

    static void inYourProcess(Database database, OpenTelemetry openTelemetry, Mailer mailer) {
        MillraceTracing tracing = MillraceTracing.of(openTelemetry);
        Millrace millrace = Millrace.builder(database).intercept(tracing).connect();
        Worker worker = Worker.builder(database)
                .intercept(tracing)
                .handle(SEND_EMAIL, (job, email) -> mailer.send(email))
                .build();
        worker.close();
        millrace.close();
    }

    static class InAHandlerJar {

        public final class TracedHandlers implements HandlerProvider {
            @Override
            public void register(Handlers handlers) {
                handlers.intercept(MillraceTracing.of(GlobalOpenTelemetry.get()));
                handlers.handle(SEND_EMAIL, (job, email) -> send(email));
            }
        }

        private static void send(Email email) {}
    }
}
