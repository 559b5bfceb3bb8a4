package dev.millrace.worker.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Streams of events, each on a thread of its own, so that they take none from requests. Their number is bounded. Thread-safe. */
final class Streams implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Streams.class);

    /** After which the browser asks anew, and is authenticated anew. */
    private static final Duration LIFE = Duration.ofMinutes(15);

    /** The browser waits so long before it asks anew. */
    private static final String START = "retry: 5000\n\n";

    /** A comment, which scripts do not see; without it nobody would notice that the client is gone. */
    private static final String SIGN_OF_LIFE = ":\n\n";

    private final TimeLimit timeLimit;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final ThreadPoolExecutor threads;

    Streams(int most, TimeLimit timeLimit) {
        this.timeLimit = timeLimit;
        AtomicInteger number = new AtomicInteger();
        this.threads = new ThreadPoolExecutor(0, most, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
            Thread thread = new Thread(task, "millrace-http-stream-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Takes the exchange over, whose headers are set and not sent yet, and closes it in the end.
     *
     * @return false if there are too many, and the exchange is still the caller's
     */
    boolean take(HttpExchange exchange, Reply.Events events) {
        try {
            threads.execute(() -> {
                try (exchange) {
                    run(exchange, events);
                } catch (IOException gone) {
                    LOG.debug("A viewer is gone", gone);
                } catch (InterruptedException closing) {
                    // An interrupt is how the pool of these threads is closed.
                    Thread.currentThread().interrupt();
                } catch (RuntimeException failure) {
                    LOG.warn(
                            "The stream {} ends, it could not go on",
                            exchange.getRequestURI().getPath(),
                            failure);
                }
            });
            return true;
        } catch (RejectedExecutionException tooManyOrClosed) {
            return false;
        }
    }

    private void run(HttpExchange exchange, Reply.Events events) throws IOException, InterruptedException {
        long end = System.nanoTime() + LIFE.toNanos();
        timeLimit.run(() -> exchange.sendResponseHeaders(200, 0));
        OutputStream out = exchange.getResponseBody();
        write(out, START);
        do {
            StringBuilder text = new StringBuilder();
            events.source().next().forEach(event -> text.append(event.wire()));
            write(out, text.isEmpty() ? SIGN_OF_LIFE : text.toString());
        } while (System.nanoTime() < end && !closed.await(events.interval().toMillis(), TimeUnit.MILLISECONDS));
    }

    private void write(OutputStream out, String text) throws IOException {
        timeLimit.run(() -> {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        });
    }

    /** How many there are. */
    int running() {
        return threads.getActiveCount();
    }

    @Override
    public void close() {
        closed.countDown();
        threads.shutdownNow();
    }
}
