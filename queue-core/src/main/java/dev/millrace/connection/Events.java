package dev.millrace.connection;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands events to their receiver in order, on a thread of its own, which starts with the first one. Whoever tells never waits:
 * where too many wait already, the newest is dropped and counted. A receiver that throws is logged once, counted, and told the
 * next event. For the library's own use. Thread-safe.
 *
 * @param <E> what is told
 */
public final class Events<E> implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Events.class);
    private static final long CLOSE_MILLIS = 500;

    private final Consumer<? super E> receiver;
    private final ConnectionMetrics metrics;
    private final BlockingQueue<E> waiting;
    private final Thread thread;
    private volatile boolean started;
    private volatile boolean closed;
    private boolean failed;

    /**
     * Nothing runs yet.
     *
     * @param name of the thread, after {@code millrace-}
     * @param bound how many may wait
     * @param metrics counts what is dropped and what the receiver threw
     */
    public Events(String name, int bound, Consumer<? super E> receiver, ConnectionMetrics metrics) {
        this.receiver = receiver;
        this.metrics = metrics;
        this.waiting = new ArrayBlockingQueue<>(bound);
        this.thread = new Thread(this::run, "millrace-" + name);
        this.thread.setDaemon(true);
    }

    /** Never waits, never throws. */
    public void tell(E event) {
        if (!waiting.offer(event)) {
            metrics.add(ConnectionMetrics.Counter.EVENTS_DROPPED);
        }
        if (!started) {
            start();
        }
    }

    private synchronized void start() {
        if (!started && !closed) {
            started = true;
            thread.start();
        }
    }

    private void run() {
        try {
            while (!closed || !waiting.isEmpty()) {
                E event = waiting.poll(CLOSE_MILLIS / 5, TimeUnit.MILLISECONDS);
                if (event != null) {
                    hand(event);
                }
            }
        } catch (InterruptedException closing) {
            LOG.debug("Events end with {} untold", waiting.size());
        }
    }

    /** Whatever the receiver throws, errors included: the next event is told. */
    private void hand(E event) {
        try {
            receiver.accept(event);
        } catch (Throwable failure) {
            metrics.add(ConnectionMetrics.Counter.EVENT_RECEIVER_FAILURES);
            if (failed) {
                LOG.debug("The receiver of events failed again at {}", event, failure);
            } else {
                failed = true;
                LOG.warn("The receiver of events failed at {}; further failures are only counted", event, failure);
            }
        }
    }

    /** What is waiting is still told if the receiver is quick. Takes half a second at most; may be called twice. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            if (!started) {
                return;
            }
        }
        if (Thread.currentThread().equals(thread)) {
            return;
        }
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        thread.interrupt();
    }
}
