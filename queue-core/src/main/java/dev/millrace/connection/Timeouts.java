package dev.millrace.connection;

import java.time.Duration;

/**
 * The ladder of limits on connections: each is shorter than the next, so that the gentlest one fires first. Lock, statement,
 * operation (then the watchdog kills the link), socket read. Immutable; the constructor refuses a ladder that can't work.
 *
 * @param lock {@code lock_timeout} of our sessions; default 2 s
 * @param statement {@code statement_timeout} of our sessions; default 5 s
 * @param operation one operation of ours with all its statements, from any side; default 8 s
 * @param socketRead the driver's backstop, twice as long under TLS; default 10 s
 * @param idleInTransaction {@code idle_in_transaction_session_timeout} of our sessions; default 10 s
 * @param tcpConnect one TCP connect, and one TLS answer; default 3 s
 * @param connect name look-up, TCP, TLS and login together; default 8 s
 * @param probeInterval between two probes of a quiet link, and of the listener's wait; default 10 s and half of it
 * @param probe answer of a probe; default 5 s. A dead peer that says nothing is noticed within interval and probe
 */
public record Timeouts(
        Duration lock,
        Duration statement,
        Duration operation,
        Duration socketRead,
        Duration idleInTransaction,
        Duration tcpConnect,
        Duration connect,
        Duration probeInterval,
        Duration probe) {

    /** Notices a silent peer within 15 seconds. */
    public static final Timeouts DEFAULT = new Timeouts(
            Duration.ofSeconds(2),
            Duration.ofSeconds(5),
            Duration.ofSeconds(8),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Duration.ofSeconds(3),
            Duration.ofSeconds(8),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5));

    /** Notices a silent peer within 4 seconds, at the price of a probe a second; for a database in the same room. */
    public static final Timeouts FAST = new Timeouts(
            Duration.ofSeconds(1),
            Duration.ofSeconds(2),
            Duration.ofSeconds(3),
            Duration.ofSeconds(4),
            Duration.ofSeconds(5),
            Duration.ofSeconds(2),
            Duration.ofSeconds(4),
            Duration.ofSeconds(1),
            Duration.ofMillis(2_500));

    /** A goodbye to the server at close. */
    static final Duration CLOSE = Duration.ofSeconds(1);
    /** Uptime that proves an outage is over: pacing starts afresh only after it. */
    static final Duration PROVEN_UPTIME = Duration.ofSeconds(30);
    /** For a notification to come back that we sent to ourselves. */
    static final Duration ROUND_TRIP = Duration.ofSeconds(2);
    /** Between two proofs that LISTEN works, and between two tries where it does not. */
    static final Duration ROUND_TRIP_INTERVAL = Duration.ofMinutes(1);

    /** @throws IllegalArgumentException if a limit is below 100 ms or above 10 minutes, or the ladder is out of order */
    public Timeouts {
        requireInRange("lock", lock);
        requireInRange("statement", statement);
        requireInRange("operation", operation);
        requireInRange("socketRead", socketRead);
        requireInRange("idleInTransaction", idleInTransaction);
        requireInRange("tcpConnect", tcpConnect);
        requireInRange("connect", connect);
        requireInRange("probeInterval", probeInterval);
        requireInRange("probe", probe);
        requireShorter("lock", lock, "statement", statement);
        requireShorter("statement", statement, "operation", operation);
        requireShorter("operation", operation, "socketRead", socketRead);
        requireShorter("tcpConnect", tcpConnect, "connect", connect);
    }

    /** How long the listener waits for notifications before it looks at its link. */
    Duration listenPoll() {
        return probeInterval.dividedBy(2);
    }

    private static void requireInRange(String name, Duration value) {
        if (value.toMillis() < 100 || value.toMinutes() > 10) {
            throw new IllegalArgumentException(
                    "Timeout " + name + " of " + value.toMillis() + " ms is out of range: 100 ms to 10 minutes");
        }
    }

    private static void requireShorter(String name, Duration value, String nextName, Duration next) {
        if (value.compareTo(next) >= 0) {
            throw new IllegalArgumentException(
                    "Timeout " + name + " (" + value.toMillis() + " ms) must be shorter than " + nextName + " ("
                            + next.toMillis() + " ms): else the gentler limit never fires");
        }
    }
}
