package dev.millrace.examples;

import static java.time.Duration.ofMinutes;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.job.Unique;
import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.JobFilter;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.Schedule;
import dev.millrace.worker.Worker;
import java.sql.Connection;
import java.time.ZoneId;
import java.util.stream.Stream;

/** The samples of README.md, which a test compares with these. */
final class ReadmeSamples {

    /** Stands for the application's own. */
    interface Mailer {
        void send(SendEmail email);
    }

    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    record SendEmail(String to, String subject) {}

    static final JobType<SendEmail> SEND_EMAIL = JobType.of("send_email", SendEmail.class);

    private ReadmeSamples() {}

    static void enqueue(Connection connection, SendEmail email, Stream<SendEmail> stream) {
        Database database = Database.of("jdbc:postgresql://localhost/app?user=app&password=…");
        try (Millrace millrace = Millrace.connect(database)) {
            millrace.enqueue(SEND_EMAIL, new SendEmail("a@example.com", "hi")); // a transaction of its own
            millrace.enqueue(connection, SEND_EMAIL, email, o -> o.priority(1).in(ofMinutes(5))); // yours
            millrace.enqueueAll(SEND_EMAIL, stream); // any number, by COPY
        }
    }

    static void work(Database database, Mailer mailer) {
        Worker worker = Worker.builder(database)
                .handle(SEND_EMAIL, (job, email) -> mailer.send(email))
                .queue("default", 50)
                .build();
        worker.start();
    }

    static void more(Millrace millrace, SendEmail email, long id) {
        millrace.enqueue(SEND_EMAIL, email, o -> o.unique(Unique.byArgs())); // one at a time
        millrace.periodic().add(PeriodicJob.of("digest", Schedule.cron("0 9 * * *", BERLIN), SEND_EMAIL, email));
        millrace.jobs().cancel(id); // also while it runs, anywhere
        millrace.jobs().retry(JobFilter.DEAD.kinds("send_email"), BulkOptions.DEFAULTS); // dead letters
    }
}
