package dev.millrace.examples.docs;

import com.github.kagkarlsson.scheduler.SchedulerClient;
import com.github.kagkarlsson.scheduler.serializer.Serializer;
import com.github.kagkarlsson.scheduler.task.TaskDescriptor;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.RecurringTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.github.kagkarlsson.scheduler.task.schedule.Schedules;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.UUID;
import javax.sql.DataSource;

/** The code with db-scheduler that docs/migrate-from.md starts from. */
final class DbSchedulerBefore {

    record SendEmail(String to, String subject) {}

    static final TaskDescriptor<SendEmail> SEND_EMAIL = TaskDescriptor.of("send_email", SendEmail.class);

    static final OneTimeTask<SendEmail> SEND = Tasks.oneTime(SEND_EMAIL)
            .execute((instance, context) ->
                    Mailer.send(instance.getData().to(), instance.getData().subject()));

    static final RecurringTask<Void> DIGEST = Tasks.recurring(
                    "digest", Schedules.daily(ZoneId.of("Europe/Berlin"), LocalTime.of(9, 0)))
            .execute((instance, context) -> Mailer.send("all", "digest"));

    private final SchedulerClient client;

    DbSchedulerBefore(DataSource dataSource, Serializer serializer) {
        client = SchedulerClient.Builder.create(dataSource, SEND, DIGEST)
                .serializer(serializer)
                .build();
    }

    void enqueue() {
        client.scheduleIfNotExists(
                SEND_EMAIL
                        .instance(UUID.randomUUID().toString())
                        .data(new SendEmail("a@example.com", "hi"))
                        .build(),
                Instant.now().plus(Duration.ofMinutes(5)));
    }
}
