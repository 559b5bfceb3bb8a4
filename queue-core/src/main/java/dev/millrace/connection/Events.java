package dev.millrace.connection;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hands events to their receiver on a thread of its own, which starts with the first one. Thread-safe. */
final class Events implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Events.class);
    private static final int BOUND = 256;
    private static final long CLOSE_MILLIS = 500;

    private final Consumer<ConnectionEvent> receiver;
    private final ConnectionMetrics metrics;
    private final BlockingQueue<ConnectionEvent> waiting = new ArrayBlockingQueue<>(BOUND);
    private final Thread thread;
    private boolean started;
    private volatile boolean closed;

    Events(String name, Consumer<ConnectionEvent> receiver, ConnectionMetrics metrics) {
        this.receiver = receiver;
        this.metrics = metrics;
        this.thread = new Thread(this::run, "millrace-events-" + name);
        this.thread.setDaemon(true);
    }

    void tell(ConnectionEvent event) {
        if (!waiting.offer(event)) {
            metrics.add(ConnectionMetrics.Counter.EVENTS_DROPPED);
        }
        synchronized (this) {
            if (!started && !closed) {
                started = true;
                thread.start();
            }
        }
    }

    private void run() {
        try {
            while (!closed || !waiting.isEmpty()) {
                ConnectionEvent event = waiting.poll(CLOSE_MILLIS / 5, TimeUnit.MILLISECONDS);
                if (event != null) {
                    hand(event);
                }
            }
        } catch (InterruptedException closing) {
            LOG.debug("Events end with {} untold", waiting.size());
        }
    }

    private void hand(ConnectionEvent event) {
        try {
            receiver.accept(event);
        } catch (RuntimeException failure) {
            LOG.warn("The receiver of events failed at {}: {}", event, failure.toString());
        }
    }

    /** What is waiting is still told if the receiver is quick. */
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
