package dev.millrace.examples.docs;

import com.github.kagkarlsson.scheduler.SchedulerClient;
import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.job.Unique;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.Schedule;
import dev.millrace.worker.Worker;
import java.time.Duration;
import java.time.ZoneId;
import org.quartz.JobDataMap;
import org.quartz.JobKey;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.SimpleTrigger;
import org.quartz.Trigger;
import org.quartz.impl.matchers.GroupMatcher;

/** Where docs/migrate-from.md leads to, and how jobs get there that SQL can't read. */
final class MigrateSamples {

    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    record SendEmail(String to, String subject) {}

    static final JobType<SendEmail> SEND_EMAIL = JobType.of("send_email", SendEmail.class);

    private MigrateSamples() {}

    static Worker worker(Database database) {
        return Worker.builder(database)
                .handle(SEND_EMAIL, (job, email) -> Mailer.send(email.to(), email.subject()))
                .periodic(PeriodicJob.of(
                        "digest", Schedule.cron("0 9 * * *", BERLIN), SEND_EMAIL, new SendEmail("all", "digest")))
                .queue("default", 20)
                .build();
    }

    static void enqueue(Millrace millrace) {
        millrace.enqueue(SEND_EMAIL, new SendEmail("a@example.com", "hi"));
        millrace.enqueue(SEND_EMAIL, new SendEmail("b@example.com", "hi"), o -> o.in(Duration.ofMinutes(5)));
    }

    static void moveFromDbScheduler(SchedulerClient client, Millrace millrace) {
        client.fetchScheduledExecutionsForTask("send_email", DbSchedulerBefore.SendEmail.class, execution -> {
            DbSchedulerBefore.SendEmail old = execution.getData();
            SendEmail email = new SendEmail(old.to(), old.subject());
            Unique once = Unique.byWord(execution.getTaskInstance().getId()).evenWhenFinal();
            millrace.enqueue(
                    SEND_EMAIL, email, o -> o.at(execution.getExecutionTime()).unique(once));
            client.cancel(execution.getTaskInstance());
        });
    }

    static void moveFromQuartz(Scheduler scheduler, Millrace millrace) throws SchedulerException {
        for (JobKey key : scheduler.getJobKeys(GroupMatcher.anyJobGroup())) {
            JobDataMap data = scheduler.getJobDetail(key).getJobDataMap();
            for (Trigger trigger : scheduler.getTriggersOfJob(key)) {
                if (trigger instanceof SimpleTrigger once && once.getRepeatCount() == 0) {
                    SendEmail email = new SendEmail(data.getString("to"), data.getString("subject"));
                    Unique name = Unique.byWord(trigger.getKey().toString()).evenWhenFinal();
                    millrace.enqueue(
                            SEND_EMAIL,
                            email,
                            o -> o.at(trigger.getNextFireTime().toInstant()).unique(name));
                    scheduler.unscheduleJob(trigger.getKey());
                }
            }
        }
    }
}
