package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread that waits for notifications on a link of its own. Any exception ends the link, because the driver goes on
 * reporting a dead connection as open; the next link comes from the supervisor, which paces. A wait that returns empty too
 * early four times in a row is treated as a dead link as well.
 */
final class Listener {

    private static final Logger LOG = LoggerFactory.getLogger(Listener.class);
    private static final int EARLY_RETURNS = 4;
    private static final String PING = "ping ";
    /** While a notification to ourselves is under way, so that its absence is noticed in time. */
    private static final Duration ROUND_TRIP_POLL = Duration.ofMillis(500);

    private final Supervisor supervisor;
    private final String channel;
    private final NotificationHandler handler;
    private final Timeouts timeouts;
    private final Thread thread;
    private volatile long aliveNanos = System.nanoTime();
    private volatile boolean closed;
    private volatile @Nullable Link link;

    Listener(Supervisor supervisor, String channel, NotificationHandler handler) {
        this.supervisor = supervisor;
        this.channel = channel;
        this.handler = handler;
        this.timeouts = supervisor.database().timeouts();
        this.thread = new Thread(
                this::run, "millrace-listener-" + supervisor.database().instance());
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Since the server last answered. */
    Duration silence() {
        Link current = link;
        if (current != null) {
            aliveNanos = current.aliveNanos();
        }
        return Duration.ofNanos(Math.max(0, System.nanoTime() - aliveNanos));
    }

    void close() {
        closed = true;
        Link current = link;
        if (current != null) {
            current.kill("closed");
        }
        thread.interrupt();
    }

    private void run() {
        while (!closed) {
            try {
                Link opened = supervisor.openForListener();
                link = opened;
                if (closed) {
                    opened.kill("closed");
                    return;
                }
                listen(opened);
            } catch (SQLException failure) {
                if (!closed && !ended(failure)) {
                    return;
                }
            } catch (DatabaseUnavailableException | SchemaException closedOrLongOutage) {
                LOG.debug("Listening on {} waits", supervisor.database(), closedOrLongOutage);
                if (supervisor.state() == State.CLOSED) {
                    return;
                }
            } catch (RuntimeException bug) {
                LOG.error("Listening on {} met an unexpected error and goes on", supervisor.database(), bug);
                if (!closed && !ended(new SQLException("unexpected: " + bug, "58000", bug))) {
                    return;
                }
            } catch (InterruptedException interrupted) {
                // Only close() interrupts.
                return;
            } finally {
                Link current = link;
                if (current != null) {
                    current.kill("listening ended");
                    link = null;
                }
            }
        }
    }

    /** Any error is the end of the link. Returns false where the wait for the next one was interrupted. */
    private boolean ended(SQLException failure) {
        LOG.debug("Listening on {} ended", supervisor.database(), failure);
        Link current = link;
        if (current != null) {
            current.kill(Faults.brief(failure));
            supervisor.report(current, failure);
        }
        try {
            // Most often it is an outage, and by now the supervisor knows: that is told as such.
            supervisor.listenerLost(failure, current == null ? Faults.Phase.CONNECT : Faults.Phase.USE);
            supervisor.listensNot(Faults.brief(failure));
            return true;
        } catch (InterruptedException closing) {
            return false;
        }
    }

    private void listen(Link opened) throws SQLException {
        Connection connection = opened.connection();
        if (!connection.isWrapperFor(PGConnection.class)) {
            throw new SQLException(
                    "The data source's connections do not unwrap to pgjdbc's: no notifications", "0A000");
        }
        opened.call(timeouts.probe(), ready -> execute(ready, "LISTEN \"" + channel.replace("\"", "\"\"") + "\""));
        handler.missed();
        int early = 0;
        long probedAt = System.nanoTime();
        RoundTrip roundTrip = new RoundTrip();
        while (!closed) {
            roundTrip.begin();
            Duration wait = roundTrip.isUnderWay() ? ROUND_TRIP_POLL : timeouts.listenPoll();
            long before = System.nanoTime();
            PGNotification[] received = opened.call(
                    wait.plus(timeouts.probe()),
                    ready -> ready.unwrap(PGConnection.class).getNotifications((int) wait.toMillis()));
            long waited = System.nanoTime() - before;
            if (received != null && received.length > 0) {
                early = 0;
                for (PGNotification notification : received) {
                    if (!roundTrip.arrived(notification.getParameter())) {
                        handler.notified(notification.getParameter());
                    }
                }
            } else {
                early = waited < wait.toNanos() / 2 ? early + 1 : 0;
                if (early >= EARLY_RETURNS || !connection.getAutoCommit()) {
                    supervisor.metrics().add(ConnectionMetrics.Counter.SPIN_GUARD_TRIPS);
                    throw new SQLException("Waiting for notifications returned early " + early + " times", "08006");
                }
            }
            roundTrip.expire();
            if (System.nanoTime() - probedAt > timeouts.probeInterval().toNanos()) {
                opened.call(timeouts.probe(), ready -> execute(ready, "SELECT 1"));
                probedAt = System.nanoTime();
            }
        }
    }

    /**
     * Proves that notifications arrive, by one sent to ourselves over another link: a pooler in transaction mode accepts LISTEN
     * and never delivers. Again every minute.
     */
    private final class RoundTrip {

        private String nonce = "";
        private long sentNanos;
        private long dueNanos = System.nanoTime();

        /** Sends the notification if it is time. */
        void begin() throws SQLException {
            if (!nonce.isEmpty() || System.nanoTime() - dueNanos < 0) {
                return;
            }
            nonce = PING + Long.toHexString(ThreadLocalRandom.current().nextLong());
            sentNanos = System.nanoTime();
            dueNanos = sentNanos + Timeouts.ROUND_TRIP_INTERVAL.toNanos();
            try {
                supervisor.control(connection -> {
                    try (PreparedStatement statement = connection.prepareStatement("SELECT pg_notify(?, ?)")) {
                        statement.setString(1, channel);
                        statement.setString(2, nonce);
                        return statement.execute();
                    }
                });
            } catch (DatabaseUnavailableException outage) {
                LOG.debug("The round trip waits for {}", supervisor.database(), outage);
                nonce = "";
                dueNanos = System.nanoTime() + Timeouts.ROUND_TRIP.toNanos();
            } catch (SQLException controlFailed) {
                // Told to the supervisor already; this link is another one.
                LOG.debug("The round trip could not begin on {}", supervisor.database(), controlFailed);
                nonce = "";
                dueNanos = System.nanoTime() + Timeouts.ROUND_TRIP.toNanos();
            }
        }

        boolean isUnderWay() {
            return !nonce.isEmpty();
        }

        /** Returns whether this was a notification of the proof, ours or another process's. */
        boolean arrived(String payload) {
            if (!nonce.isEmpty() && payload.equals(nonce)) {
                nonce = "";
                supervisor.metrics().measure(ConnectionMetrics.Timer.NOTIFY_ROUND_TRIP, System.nanoTime() - sentNanos);
                supervisor.listens();
            }
            return payload.startsWith(PING);
        }

        void expire() {
            if (!nonce.isEmpty() && System.nanoTime() - sentNanos > Timeouts.ROUND_TRIP.toNanos()) {
                nonce = "";
                supervisor.listensNot("a notification sent to ourselves did not arrive within "
                        + Timeouts.ROUND_TRIP.toMillis() + " ms: is there a pooler in transaction mode?");
            }
        }
    }

    private static Void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
        return null;
    }
}
