package dev.millrace.worker;

import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.Database;
import dev.millrace.connection.Timeouts;
import dev.millrace.job.JobType;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A worker process for {@link PartitionTest}, which cuts it off from its server. */
final class PartitionedProgram {

    record Number(int n) {}

    static final JobType<Number> LONG = JobType.of("long", Number.class);

    private PartitionedProgram() {}

    /** URL of the database; lease in seconds. */
    public static void main(String[] arguments) throws InterruptedException {
        Duration lease = Duration.ofSeconds(Long.parseLong(arguments[1]));
        try (Worker worker = Worker.builder(Database.of(arguments[0]).withTimeouts(Timeouts.FAST))
                .handle(LONG, (job, number) -> {
                    say("running " + job.attempt());
                    long began = System.nanoTime();
                    CountDownLatch never = new CountDownLatch(1);
                    while (!job.isCancelled()) {
                        if (never.await(20, TimeUnit.MILLISECONDS)) {
                            return;
                        }
                    }
                    say("cancelled after " + (System.nanoTime() - began) / 1_000_000);
                })
                .lease(lease)
                .connectTimeout(Duration.ofMinutes(1))
                .onEvent(event -> {
                    if (event instanceof ConnectionEvent.LeaseAtRisk || event instanceof ConnectionEvent.LinkUp) {
                        say(event.getClass().getSimpleName());
                    }
                })
                .build()) {
            worker.start();
            // Ended by the test.
            new CountDownLatch(1).await();
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
