package dev.millrace.connection;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A process with a supervisor for {@link NameServiceTest}, which hides the name of the server from it. */
final class NameServiceProgram {

    private NameServiceProgram() {}

    /** URL of the database. Says what can be seen from outside each time it changes, and how long the close took. */
    public static void main(String[] arguments) throws InterruptedException {
        Supervisor supervisor = Supervisor.start(Database.of(arguments[0]).withTimeouts(Timeouts.FAST));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            long began = System.nanoTime();
            supervisor.close();
            say("closed after " + Duration.ofNanos(System.nanoTime() - began).toMillis() + " ms");
        }));
        CountDownLatch never = new CountDownLatch(1);
        long most = 0;
        String said = "";
        do {
            Health health = supervisor.health();
            most = Math.max(
                    most,
                    Thread.getAllStackTraces().keySet().stream()
                            .filter(thread -> thread.getName().startsWith("millrace-connect-"))
                            .count());
            String seen = "epoch " + health.epoch() + " live " + health.live() + " ready " + health.ready()
                    + " connecting at most " + most;
            if (!seen.equals(said)) {
                say(seen);
                said = seen;
            }
        } while (!never.await(20, TimeUnit.MILLISECONDS));
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
