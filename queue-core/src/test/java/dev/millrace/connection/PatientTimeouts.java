package dev.millrace.connection;

import java.time.Duration;

/** For tests whose threads wait for each other's locks and sessions, which must not end with a limit on a slow machine. */
public final class PatientTimeouts {

    public static final Timeouts PATIENT = new Timeouts(
            Duration.ofSeconds(20),
            Duration.ofSeconds(21),
            Duration.ofSeconds(22),
            Duration.ofSeconds(23),
            Duration.ofSeconds(10),
            Duration.ofSeconds(3),
            Duration.ofSeconds(8),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5));

    private PatientTimeouts() {}
}
