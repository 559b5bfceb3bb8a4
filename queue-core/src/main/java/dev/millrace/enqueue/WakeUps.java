package dev.millrace.enqueue;

import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Wakes workers after the library's own commits. A NOTIFY inside the transaction would take a lock at commit that defeats group
 * commit, so one background thread sends them, folded by queue: while one statement is under way the next ones gather.
 * The last wake-up is never swallowed: a queue is taken off the set before it is notified. Thread-safe.
 */
final class WakeUps implements AutoCloseable {

    private static final String PREFIX = "available ";
    private static final Duration IDLE = Duration.ofHours(1);
    private static final long CLOSE_MILLIS = 1_000;

    private final Set<String> pending = ConcurrentHashMap.newKeySet();
    private final Supervisor supervisor;
    private final String channel;
    private final SupervisedLoop loop;
    private final CountDownLatch drained = new CountDownLatch(1);
    private volatile boolean closing;

    WakeUps(Supervisor supervisor) {
        this.supervisor = supervisor;
        this.channel = supervisor.database().schema().value();
        this.loop = new SupervisedLoop("wake-ups-" + supervisor.database().instance(), supervisor, this::send);
        loop.start();
    }

    /** What a listener gets for a queue with available jobs. */
    static String payload(String queue) {
        return PREFIX + queue;
    }

    void wake(Set<String> queues) {
        pending.addAll(queues);
        loop.wake();
    }

    private Duration send() throws SQLException {
        String[] queues = pending.toArray(new String[0]);
        if (queues.length == 0) {
            if (closing) {
                drained.countDown();
            }
            return IDLE;
        }
        for (String queue : queues) {
            pending.remove(queue);
        }
        try {
            supervisor.work(connection -> notify(
                    connection.prepareStatement("SELECT pg_notify(?, ? || queue) FROM unnest(?) AS queue"), queues));
        } catch (SQLException | RuntimeException failure) {
            pending.addAll(Set.of(queues));
            throw failure;
        }
        return pending.isEmpty() && !closing ? IDLE : Duration.ZERO;
    }

    private Void notify(PreparedStatement prepared, String[] queues) throws SQLException {
        try (PreparedStatement statement = prepared) {
            statement.setString(1, channel);
            statement.setString(2, PREFIX);
            statement.setArray(3, statement.getConnection().createArrayOf("text", queues));
            statement.execute();
        }
        return null;
    }

    /**
     * Sends what is pending if the database answers at once, then ends. Workers poll, so a lost wake-up costs a second, not a job.
     */
    @Override
    public void close() {
        closing = true;
        loop.wake();
        try {
            if (supervisor.isUsable() && !drained.await(CLOSE_MILLIS, TimeUnit.MILLISECONDS)) {
                pending.clear();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        loop.stop();
        loop.join(Duration.ofMillis(CLOSE_MILLIS));
    }
}
