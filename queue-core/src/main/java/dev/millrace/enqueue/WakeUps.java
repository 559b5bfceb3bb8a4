package dev.millrace.enqueue;

import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.EnqueueOptions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Wakes workers after the library's own commits. A NOTIFY inside the transaction would take a lock at commit that defeats group
 * commit, so one background thread sends them, each word once: while one statement is under way the next ones gather.
 * The last wake-up is never swallowed: a word is taken off the set before it is sent. Thread-safe.
 */
final class WakeUps implements AutoCloseable {

    /** A job is due so soon that the leader, which looks every few seconds, would come too late. */
    static final String DUE = "due";

    static final Duration SOON = Duration.ofSeconds(3);

    private static final String PREFIX = "available ";
    private static final Duration IDLE = Duration.ofHours(1);
    /** Between two statements. Where one follows the other, so many times what the last one took: a tenth of a session is enough. */
    private static final long MIN_GAP_NANOS = Duration.ofMillis(1).toNanos();

    private static final long MAX_GAP_NANOS = Duration.ofMillis(5).toNanos();
    private static final int GAP_BY_COST = 10;

    private static final long CLOSE_MILLIS = 1_000;

    private final Set<String> pending = ConcurrentHashMap.newKeySet();
    private final Supervisor supervisor;
    private final String channel;
    private final SupervisedLoop loop;
    private final CountDownLatch drained = new CountDownLatch(1);
    private long sentNanos = System.nanoTime();
    private long gapNanos;
    private boolean followed;
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

    /** What is to be told of a job of which the database has not said when it is due: rather a word too much than one too few. */
    static Set<String> guessed(EnqueueOptions options) {
        Duration in = options.in();
        if (options.at() != null) {
            return Set.of(DUE, payload(options.queue()));
        }
        if (in == null) {
            return Set.of(payload(options.queue()));
        }
        return in.compareTo(SOON) < 0 ? Set.of(DUE) : Set.of();
    }

    /** Sends words once the caller has committed. */
    void wake(Set<String> words) {
        // A word that is still pending is sent after this commit as well.
        if (pending.addAll(words)) {
            loop.wake();
        }
    }

    private Duration send() throws SQLException {
        String[] words = pending.toArray(new String[0]);
        if (words.length == 0) {
            if (closing) {
                drained.countDown();
            }
            return IDLE;
        }
        long sinceLast = System.nanoTime() - sentNanos;
        if (sinceLast < gapNanos && !closing) {
            followed = true;
            return Duration.ofNanos(gapNanos - sinceLast);
        }
        long began = System.nanoTime();
        for (String word : words) {
            pending.remove(word);
        }
        try {
            supervisor.work(connection -> send(connection, words));
        } catch (SQLException | RuntimeException failure) {
            pending.addAll(Set.of(words));
            throw failure;
        }
        sentNanos = System.nanoTime();
        long byCost = followed ? Math.min(MAX_GAP_NANOS, GAP_BY_COST * (sentNanos - began)) : 0;
        gapNanos = Math.max(MIN_GAP_NANOS, byCost);
        followed = false;
        return pending.isEmpty() && !closing ? IDLE : Duration.ZERO;
    }

    /** In the transaction of the connection, or at once. */
    Void send(Connection connection, String... words) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT pg_notify(?, word) FROM unnest(?) AS word")) {
            statement.setString(1, channel);
            statement.setArray(2, connection.createArrayOf("text", words));
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
