package dev.millrace.worker;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobState;
import dev.millrace.queue.QueueInfo;
import java.time.Duration;

/** The Java samples of docs/operations.md, so that they compile. */
@SuppressWarnings("unused")
final class OperationsSamples {

    private OperationsSamples() {}

    static void alertOnLag(Millrace millrace) {
        for (QueueInfo queue : millrace.queues().list()) {
            if (queue.lag() != null && queue.lag().compareTo(Duration.ofMinutes(5)) > 0) {
                alert(queue.name() + " is behind: " + queue.jobs(JobState.AVAILABLE) + " jobs wait");
            }
        }
    }

    static void settings(Millrace millrace) {
        millrace.queues().list();
        millrace.queues().pause("mail");
        millrace.queues().resume("mail");
        millrace.queues().slots("mail", 20);
        millrace.queues().slots("mail", null);
        millrace.queues().retention();
        millrace.queues().retention(null, JobState.DISCARDED, Duration.ofDays(30));
        millrace.queues().retention("mail", JobState.COMPLETED, Duration.ofHours(1));
        millrace.queues().retention("mail", JobState.COMPLETED, Duration.ZERO);
        millrace.queues().retention("mail", JobState.COMPLETED, null);
    }

    static Worker.Builder share(Database database) {
        return Worker.builder(database).queue("default", 20, q -> q.lowestShare(0.1));
    }

    private static void alert(String text) {}
}
