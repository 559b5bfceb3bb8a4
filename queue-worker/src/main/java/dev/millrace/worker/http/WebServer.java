package dev.millrace.worker.http;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers a few routes over HTTP. Open routes are for everybody. Pages and actions need authentication; without one they are for those
 * who reach a loopback address. Actions also need a token, which only pages of this server contain, and are written to the audit log.
 *
 * <p>Threads, waiting requests, streams and the length of forms are bounded; when all threads are taken, new requests wait with the
 * system. A client that takes its answer or sends its form too slowly, for more than 5 s, is cut off. How long it may take to send the
 * head of a request is the JDK's to bound, for all servers of the process: by the system property
 * {@code sun.net.httpserver.maxReqTime}, in seconds. Thread-safe.
 */
public final class WebServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(WebServer.class);

    /** Slow clients and pages must not take all of them from the probes of health; idle ones end. */
    private static final int THREADS = 32;

    private static final int WAITING = 32;
    private static final int STREAMS = 32;
    private static final Duration TRANSFER_LIMIT = Duration.ofSeconds(5);

    /**
     * The referrer policy is not "no-referrer", under which browsers hide where a form was posted from; the origin of a post is checked.
     */
    private static final List<String> HEADERS = List.of(
            "Cache-Control: no-store",
            "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
                    + " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: same-origin",
            "Cross-Origin-Opener-Policy: same-origin",
            "Cross-Origin-Resource-Policy: same-origin",
            "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()");

    /** The JDK's server takes twice as much memory for each connection as is written to it at once. */
    private static final int PIECE = 32 * 1024;

    private final HttpServer server;
    private final ThreadPoolExecutor executor;
    private final Routes routes;
    private final TimeLimit timeLimit = new TimeLimit(TRANSFER_LIMIT);
    private final Streams streams = new Streams(STREAMS, timeLimit);
    private final Sessions sessions;
    private final Gate gate;
    private final AuditLog audit;

    private WebServer(HttpServer server, Builder builder) {
        this.server = server;
        this.routes = new Routes(builder.routes);
        this.sessions = new Sessions(server.getAddress().getPort());
        this.gate = new Gate(server.getAddress(), builder.authentication, builder.readOnly, sessions);
        this.audit = builder.audit;
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
     * A server to be.
     *
     * @param address port 0 takes a free one
     */
    public static Builder builder(InetSocketAddress address) {
        return new Builder(address);
    }

    /** Where it listens. */
    public InetSocketAddress address() {
        return server.getAddress();
    }

    private void answer(HttpExchange exchange) throws IOException {
        RequestHead head = new RequestHead(
                exchange.getRequestMethod(),
                exchange.getRequestURI(),
                exchange.getRemoteAddress(),
                exchange.getRequestHeaders());
        Reply reply;
        try {
            reply = reply(exchange, head);
        } catch (IOException | RuntimeException | Error failure) {
            exchange.close();
            throw failure;
        }
        Reply.Events events = reply.events();
        if (events != null && !head.method().equals("HEAD")) {
            setHeaders(exchange, reply);
            if (streams.take(exchange, events)) {
                return;
            }
            reply = Reply.text(503, "Too many pages are watched live; close some")
                    .header("Retry-After", "10");
        }
        send(exchange, reply);
    }

    private void send(HttpExchange exchange, Reply reply) throws IOException {
        setHeaders(exchange, reply);
        byte[] body = reply.body();
        timeLimit.run(() -> {
            try (exchange) {
                if (exchange.getRequestMethod().equals("HEAD") || body.length == 0) {
                    exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
                    exchange.sendResponseHeaders(reply.status(), -1);
                } else {
                    exchange.sendResponseHeaders(reply.status(), body.length);
                    for (int sent = 0; sent < body.length; sent += PIECE) {
                        exchange.getResponseBody().write(body, sent, Math.min(PIECE, body.length - sent));
                    }
                }
            }
        });
    }

    private static void setHeaders(HttpExchange exchange, Reply reply) {
        Headers headers = exchange.getResponseHeaders();
        for (String header : HEADERS) {
            int colon = header.indexOf(": ");
            headers.set(header.substring(0, colon), header.substring(colon + 2));
        }
        reply.headers().forEach(headers::set);
    }

    private Reply reply(HttpExchange exchange, RequestHead head) throws IOException {
        // There is none in "OPTIONS *".
        String path = Objects.requireNonNullElse(head.uri().getRawPath(), "");
        List<Routes.Found> all = routes.at(path);
        if (all.isEmpty()) {
            return Reply.text(404, "Nothing is here");
        }
        String method = head.method().equals("HEAD") ? "GET" : head.method();
        for (Routes.Found found : all) {
            if (found.route().method().equals(method)) {
                return reply(exchange, head, found);
            }
        }
        String allowed = Routes.allowed(all);
        return Reply.text(405, "Only " + allowed + " is answered").header("Allow", allowed);
    }

    private Reply reply(HttpExchange exchange, RequestHead head, Routes.Found found) throws IOException {
        try {
            return found.route() instanceof Route.Action action
                    ? act(exchange, head, action, found.variables())
                    : read(head, (Route.Read) found.route(), found.variables());
        } catch (Refusal refusal) {
            return refusal.reply();
        } catch (BadRequestException wrong) {
            return Reply.text(400, String.valueOf(wrong.getMessage()));
        } catch (RuntimeException failure) {
            LOG.warn("{} could not be answered", found.route().pattern().text(), failure);
            return Reply.text(500, "Failed; the log of this process says why");
        }
    }

    private Reply read(RequestHead head, Route.Read route, Map<String, String> variables) throws Refusal {
        Map<String, List<String>> query = Parameters.of(head.uri().getRawQuery());
        if (route.isOpen()) {
            return route.answer(new Request(head, Caller.NOBODY, variables, query, Map.of(), ""));
        }
        Caller caller = admit(head);
        Optional<String> known = sessions.session(head);
        String session = known.orElseGet(sessions::newSession);
        Reply reply =
                route.answer(new Request(head, caller, variables, query, Map.of(), sessions.token(session, caller)));
        return known.isEmpty() && reply.isHtml()
                ? reply.header("Set-Cookie", sessions.setCookie(session, head))
                : reply;
    }

    private Reply act(HttpExchange exchange, RequestHead head, Route.Action route, Map<String, String> variables)
            throws Refusal, IOException {
        String who = AuditLog.UNKNOWN;
        try {
            Caller caller = admit(head);
            who = caller.name();
            gate.checkMayAct(head, caller);
            Map<String, List<String>> form = Form.read(exchange, head, timeLimit);
            String token = gate.checkToken(head, caller, form);
            Request request = new Request(
                    head, caller, variables, Parameters.of(head.uri().getRawQuery()), form, token);
            Acted acted = route.act(request);
            audit(who, head, route.name(), acted.on(), acted.count(), acted.result());
            return acted.reply();
        } catch (Refusal | BadRequestException refused) {
            audit(who, head, route.name(), head.uri().getPath(), 0, "refused: " + refused.getMessage());
            throw refused;
        } catch (RuntimeException | Error failure) {
            audit(
                    who,
                    head,
                    route.name(),
                    head.uri().getPath(),
                    0,
                    "failed: " + failure.getClass().getSimpleName());
            throw failure;
        }
    }

    /** A wrong password is told in the audit log; that a browser first asks without one is not. */
    private Caller admit(RequestHead head) throws Refusal {
        try {
            return gate.admit(head);
        } catch (Refusal refusal) {
            if (refusal.reply().status() == 401 && head.headers().containsKey("Authorization")) {
                audit(AuditLog.UNKNOWN, head, "log in", head.uri().getPath(), 0, "refused: wrong user or password");
            }
            throw refusal;
        }
    }

    private void audit(String who, RequestHead head, String action, String on, long count, String result) {
        audit.write(who, head.remote().getAddress().getHostAddress(), action, on, count, result);
    }

    /** For tests of what all routes have in common. */
    List<Route> routes() {
        return routes.all();
    }

    /** How many streams run. */
    int runningStreams() {
        return streams.running();
    }

    /** Ends all connections at once. May be called twice. */
    @Override
    public void close() {
        server.stop(0);
        streams.close();
        executor.shutdownNow();
        timeLimit.close();
    }

    /** Settings of a server. Not thread-safe. */
    public static final class Builder {

        private final InetSocketAddress address;
        private final List<Route> routes = new ArrayList<>();
        private @Nullable Authentication authentication;
        private boolean readOnly;
        private AuditLog audit = new AuditLog();

        private Builder(InetSocketAddress address) {
            this.address = address;
        }

        /** More of what is answered. */
        public Builder routes(List<Route> more) {
            routes.addAll(more);
            return this;
        }

        /** Who is let in to pages and actions. Default: everybody on a loopback address, nobody on others. */
        public Builder authentication(Authentication of) {
            this.authentication = of;
            return this;
        }

        /** Whether all actions are refused, whoever asks. Default: no. */
        public Builder readOnly(boolean only) {
            this.readOnly = only;
            return this;
        }

        /** Where actions are written. Default: one of its own. */
        public Builder audit(AuditLog to) {
            this.audit = to;
            return this;
        }

        /**
         * Begins to answer.
         *
         * @throws IOException if the address can't be had
         * @throws IllegalArgumentException if two routes answer the same
         */
        public WebServer start() throws IOException {
            HttpServer server = HttpServer.create(address, 0);
            WebServer started = new WebServer(server, this);
            server.createContext("/", started::answer);
            server.setExecutor(started.executor);
            server.start();
            return started;
        }
    }
}
