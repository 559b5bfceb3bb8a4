package dev.millrace.worker.doctor;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** How far this machine's clock and the server's are apart: leases go by the server's, times that a producer names by its own. */
record ClockCheck(Clock clock) implements Check {

    private static final int TRIES = 3;
    private static final Duration MUCH = Duration.ofSeconds(1);

    @Override
    public String name() {
        return "clock";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        Duration bound = Duration.ofDays(1);
        Duration ahead = Duration.ZERO;
        for (int i = 0; i < TRIES; i++) {
            long begun = System.nanoTime();
            Instant server = now(connection);
            Duration half = Duration.ofNanos((System.nanoTime() - begun) / 2);
            if (half.compareTo(bound) < 0) {
                bound = half;
                // The server read its clock somewhere within the round trip: in the middle, give or take half of it.
                ahead = Duration.between(server, clock.instant().minus(half));
            }
        }
        String found = "this machine is " + ahead.abs().toMillis() + " ms "
                + (ahead.isNegative() ? "behind" : "ahead of") + " the server, ± " + (bound.toMillis() + 1) + " ms";
        return List.of(
                ahead.abs().minus(bound).compareTo(MUCH) > 0
                        ? Finding.warn(
                                name(),
                                found,
                                "synchronise both clocks (NTP): jobs enqueued for a time run early or late by this much")
                        : Finding.ok(name(), found));
    }

    private static Instant now(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row =
                        statement.executeQuery("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")) {
            row.next();
            return Instant.EPOCH.plus(Duration.ofNanos(Math.multiplyExact(row.getLong(1), 1_000)));
        }
    }
}
