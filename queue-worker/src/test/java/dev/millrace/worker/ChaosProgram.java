package dev.millrace.worker;

import dev.millrace.connection.Database;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/** A worker process for {@link ChaosTest}, which kills it, its sessions and its server. */
final class ChaosProgram {

    record Number(int n) {}

    static final JobType<Number> NUMBER = JobType.of("number", Number.class);

    private ChaosProgram() {}

    /** URL of the database. */
    public static void main(String[] arguments) throws InterruptedException {
        try (Worker worker = Worker.builder(
                        Database.of(arguments[0]).withInstance("chaos").withTimeouts(Timeouts.FAST))
                .handle(NUMBER, (job, number) -> {})
                .queue("default", 8)
                .lease(Duration.ofSeconds(5))
                .connectTimeout(Duration.ofMinutes(1))
                .build()) {
            worker.start();
            // Ended by the test.
            new CountDownLatch(1).await();
        }
    }
}
