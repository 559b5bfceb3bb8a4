package dev.millrace.worker.http;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers GET and HEAD of a few paths; it changes nothing. Threads and waiting requests are bounded; when all are taken, new ones
 * wait with the system. How long a client may take to send a request is the JDK's to bound, for all servers of the process: by the
 * system properties {@code sun.net.httpserver.maxReqTime} and {@code maxRspTime}, in seconds. Thread-safe.
 */
public final class WebServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(WebServer.class);
    private static final int THREADS = 8;
    private static final int WAITING = 32;

    private final HttpServer server;
    private final ThreadPoolExecutor executor;
    private final Map<String, Route> routes;

    private WebServer(HttpServer server, List<Route> routes) {
        this.server = server;
        this.routes = routes.stream().collect(Collectors.toUnmodifiableMap(Route::path, Function.identity()));
        AtomicInteger number = new AtomicInteger();
        this.executor = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                10,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(WAITING),
                task -> {
                    Thread thread = new Thread(task, "millrace-http-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                },
                // On the thread that accepts, which takes nothing more meanwhile.
                new ThreadPoolExecutor.CallerRunsPolicy());
        executor.allowCoreThreadTimeOut(true);
    }

    /**
     * Begins to answer.
     *
     * @param address port 0 takes a free one
     * @throws IOException if the address can't be had
     */
    public static WebServer start(InetSocketAddress address, List<Route> routes) throws IOException {
        WebServer started = new WebServer(HttpServer.create(address, 0), routes);
        started.server.createContext("/", started::answer);
        started.server.setExecutor(started.executor);
        started.server.start();
        return started;
    }

    /** Where it listens. */
    public InetSocketAddress address() {
        return server.getAddress();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            Reply reply = reply(exchange);
            byte[] body = reply.bytes();
            Headers headers = exchange.getResponseHeaders();
            headers.set("Content-Type", reply.contentType());
            headers.set("Cache-Control", "no-store");
            headers.set("X-Content-Type-Options", "nosniff");
            headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
            headers.set("Referrer-Policy", "no-referrer");
            if (exchange.getRequestMethod().equals("HEAD")) {
                headers.set("Content-Length", Integer.toString(body.length));
                exchange.sendResponseHeaders(reply.status(), -1);
            } else {
                exchange.sendResponseHeaders(reply.status(), body.length);
                exchange.getResponseBody().write(body);
            }
        }
    }

    private Reply reply(HttpExchange exchange) {
        // There is none in "OPTIONS *".
        Route route =
                routes.get(Objects.requireNonNullElse(exchange.getRequestURI().getPath(), ""));
        if (route == null) {
            return Reply.text(404, "Nothing is here");
        }
        String method = exchange.getRequestMethod();
        if (!method.equals("GET") && !method.equals("HEAD")) {
            exchange.getResponseHeaders().set("Allow", "GET, HEAD");
            return Reply.text(405, "Only GET and HEAD are answered");
        }
        try {
            return route.get().apply(exchange.getRequestURI());
        } catch (RuntimeException failure) {
            LOG.warn("{} could not be answered", route.path(), failure);
            return Reply.text(500, "Failed; the log of this process says why");
        }
    }

    /** Ends all connections at once. May be called twice. */
    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }
}
