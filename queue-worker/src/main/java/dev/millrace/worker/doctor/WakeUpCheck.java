package dev.millrace.worker.doctor;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Faults;
import dev.millrace.connection.NotificationHandler;
import dev.millrace.connection.Supervisor;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Whether a notification comes back that was sent over the usual way, by the way that workers listen; and what stands in between. Not
 * a {@link Check}, which has one connection: this needs the two that a worker has for it.
 */
final class WakeUpCheck {

    private static final String NAME = "wake-up";
    private static final Duration LISTEN_LIMIT = Duration.ofSeconds(9);
    private static final Duration ARRIVAL_LIMIT = Duration.ofSeconds(2);

    private final Supervisor supervisor;
    /** Other processes ignore what they do not know. */
    private final String payload = "doctor " + UUID.randomUUID();

    private final CountDownLatch listening = new CountDownLatch(1);
    private final CountDownLatch arrived = new CountDownLatch(1);
    private volatile long arrivedNanos;

    WakeUpCheck(Supervisor supervisor) {
        this.supervisor = supervisor;
    }

    List<Finding> look() {
        boolean direct = supervisor.isDirect();
        String way = direct ? "no pooler in between" : "a pooler is in between";
        try {
            // It ends with the supervisor, which is closed after this.
            supervisor.listen(new Arrival());
            if (!listening.await(LISTEN_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                return List.of(failed("could not LISTEN within " + LISTEN_LIMIT.toSeconds() + " s; " + way));
            }
            long sent = System.nanoTime();
            supervisor.control(this::send);
            if (!arrived.await(ARRIVAL_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                return List.of(
                        failed("a notification did not arrive within " + ARRIVAL_LIMIT.toSeconds() + " s; " + way));
            }
            long micros = Math.max(0, arrivedNanos - sent) / 1_000;
            return List.of(Finding.ok(
                    NAME,
                    "a notification arrived after %d.%d ms; %s".formatted(micros / 1_000, micros / 100 % 10, way)));
        } catch (SQLException failure) {
            return List.of(failed(Faults.brief(failure)));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw DatabaseUnavailableException.during(supervisor, "Interrupted while listening", interrupted, false);
        }
    }

    /** Jobs run all the same: workers look for them each second. */
    private Finding failed(String found) {
        return Finding.warn(
                NAME,
                found,
                supervisor.isDirect()
                        ? "see whether something between here and the server drops what is not asked for; jobs wait for a poll"
                        : "give the URL of the server itself as --direct-url; until then jobs wait for a poll");
    }

    private Void send(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT pg_notify(?, ?)")) {
            statement.setString(1, supervisor.database().schema().value());
            statement.setString(2, payload);
            statement.execute();
            return null;
        }
    }

    private final class Arrival implements NotificationHandler {

        @Override
        public void notified(String received) {
            if (received.equals(payload)) {
                arrivedNanos = System.nanoTime();
                arrived.countDown();
            }
        }

        @Override
        public void missed() {
            listening.countDown();
        }
    }
}
