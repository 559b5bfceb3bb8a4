package dev.millrace.testing.self;

import java.nio.file.Path;

/** What {@link JavaProcessTest} starts: reports what it got, then waits to be ended. */
public final class EchoProgram {

    private EchoProgram() {}

    public static void main(String[] arguments) throws InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook ran")));
        System.out.println(String.join(",", arguments) + " " + System.getenv("ECHO") + " "
                + Path.of("").toAbsolutePath().getFileName() + " " + System.getProperty("echo"));
        System.err.println("ready");
        if (arguments[0].equals("wait")) {
            Thread.currentThread().join();
        }
        System.exit(Integer.parseInt(arguments[1]));
    }
}
