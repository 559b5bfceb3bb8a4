package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
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

    private final Supervisor supervisor;
    private final String channel;
    private final NotificationHandler handler;
    private final Thread thread;
    private volatile boolean closed;
    private volatile @Nullable Link link;

    Listener(Supervisor supervisor, String channel, NotificationHandler handler) {
        this.supervisor = supervisor;
        this.channel = channel;
        this.handler = handler;
        this.thread = new Thread(
                this::run, "millrace-listener-" + supervisor.database().instance());
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
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
                if (!closed) {
                    LOG.debug("Listening on {} ended", supervisor.database(), failure);
                    supervisor.report(link, failure);
                }
            } catch (DatabaseUnavailableException closedOrLongOutage) {
                LOG.debug("Listening on {} waits", supervisor.database(), closedOrLongOutage);
                if (supervisor.state() == Supervisor.State.CLOSED) {
                    return;
                }
            } catch (InterruptedException interrupted) {
                // Only close() interrupts.
                return;
            } finally {
                Link current = link;
                if (current != null) {
                    current.kill("listening ended");
                }
            }
        }
    }

    private void listen(Link opened) throws SQLException {
        Connection connection = opened.connection();
        opened.call(Timeouts.PROBE, ready -> execute(ready, "LISTEN \"" + channel.replace("\"", "\"\"") + "\""));
        handler.missed();
        int early = 0;
        long probedAt = System.nanoTime();
        Duration limit = Timeouts.LISTEN_POLL.plus(Timeouts.PROBE);
        while (!closed) {
            long before = System.nanoTime();
            PGNotification[] received = opened.call(
                    limit,
                    ready -> ready.unwrap(PGConnection.class).getNotifications((int) Timeouts.LISTEN_POLL.toMillis()));
            long waited = System.nanoTime() - before;
            if (received != null && received.length > 0) {
                early = 0;
                for (PGNotification notification : received) {
                    handler.notified(notification.getParameter());
                }
            } else {
                early = waited < Timeouts.LISTEN_POLL.toNanos() / 2 ? early + 1 : 0;
                if (early >= EARLY_RETURNS || !connection.getAutoCommit()) {
                    throw new SQLException("Waiting for notifications returned early " + early + " times", "08006");
                }
            }
            if (System.nanoTime() - probedAt > Timeouts.PROBE_INTERVAL.toNanos()) {
                opened.call(Timeouts.PROBE, ready -> execute(ready, "SELECT 1"));
                probedAt = System.nanoTime();
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
