package dev.millrace.connection;

import java.time.Duration;

/**
 * The ladder of limits: each is shorter than the next, so that the gentlest one fires first. Lock 2 s, statement 5 s,
 * operation 8 s (then the watchdog kills the link), socket read 10 s.
 */
final class Timeouts {

    static final Duration LOCK = Duration.ofSeconds(2);
    static final Duration STATEMENT = Duration.ofSeconds(5);
    static final Duration OPERATION = Duration.ofSeconds(8);
    static final Duration SOCKET_READ = Duration.ofSeconds(10);
    static final Duration IDLE_IN_TRANSACTION = Duration.ofSeconds(10);

    static final Duration TCP_CONNECT = Duration.ofSeconds(3);
    /** DNS, TCP, TLS and login together. */
    static final Duration CONNECT = Duration.ofSeconds(8);

    static final Duration PROBE_INTERVAL = Duration.ofSeconds(10);
    static final Duration PROBE = Duration.ofSeconds(5);
    static final Duration LISTEN_POLL = Duration.ofSeconds(5);
    static final Duration CLOSE = Duration.ofSeconds(1);
    /** Uptime that proves an outage is over: pacing starts afresh only after it. */
    static final Duration PROVEN_UPTIME = Duration.ofSeconds(30);

    private Timeouts() {}
}
