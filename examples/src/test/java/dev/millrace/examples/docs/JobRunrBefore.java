package dev.millrace.examples.docs;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import org.jobrunr.jobs.lambdas.JobRequest;
import org.jobrunr.jobs.lambdas.JobRequestHandler;
import org.jobrunr.scheduling.JobRequestScheduler;

/** The code with JobRunr that docs/migrate-from.md starts from. */
final class JobRunrBefore {

    private final JobRequestScheduler scheduler;

    JobRunrBefore(JobRequestScheduler scheduler) {
        this.scheduler = scheduler;
    }

    public record SendEmail(String to, String subject) implements JobRequest {
        @Override
        public Class<SendEmailHandler> getJobRequestHandler() {
            return SendEmailHandler.class;
        }
    }

    public static class SendEmailHandler implements JobRequestHandler<SendEmail> {
        @Override
        public void run(SendEmail email) {
            Mailer.send(email.to(), email.subject());
        }
    }

    void enqueue() {
        scheduler.enqueue(new SendEmail("a@example.com", "hi"));
        scheduler.schedule(Instant.now().plus(Duration.ofMinutes(5)), new SendEmail("b@example.com", "hi"));
        scheduler.scheduleRecurrently(
                "digest", "0 9 * * *", ZoneId.of("Europe/Berlin"), new SendEmail("all", "digest"));
    }
}
