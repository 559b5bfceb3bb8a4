package dev.millrace.examples.docs;

import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.TimeZone;
import org.quartz.CronScheduleBuilder;
import org.quartz.Job;
import org.quartz.JobBuilder;
import org.quartz.JobDetail;
import org.quartz.JobExecutionContext;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.TriggerBuilder;

/** The code with Quartz that docs/migrate-from.md starts from. */
final class QuartzBefore {

    private final Scheduler scheduler;

    QuartzBefore(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    public static class SendEmailJob implements Job {
        @Override
        public void execute(JobExecutionContext context) {
            Mailer.send(
                    context.getMergedJobDataMap().getString("to"),
                    context.getMergedJobDataMap().getString("subject"));
        }
    }

    void enqueue() throws SchedulerException {
        JobDetail email = JobBuilder.newJob(SendEmailJob.class)
                .usingJobData("to", "a@example.com")
                .usingJobData("subject", "hi")
                .build();
        Date inFiveMinutes = Date.from(Instant.now().plus(Duration.ofMinutes(5)));
        scheduler.scheduleJob(
                email, TriggerBuilder.newTrigger().startAt(inFiveMinutes).build());

        JobDetail digest = JobBuilder.newJob(SendEmailJob.class)
                .withIdentity("digest")
                .usingJobData("to", "all")
                .usingJobData("subject", "digest")
                .build();
        scheduler.scheduleJob(
                digest,
                TriggerBuilder.newTrigger()
                        .withIdentity("digest")
                        .withSchedule(CronScheduleBuilder.cronSchedule("0 0 9 * * ?")
                                .inTimeZone(TimeZone.getTimeZone("Europe/Berlin")))
                        .build());
    }
}
