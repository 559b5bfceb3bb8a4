package dev.millrace.worker.cli;

import dev.millrace.error.MillraceException;
import dev.millrace.worker.Worker;
import dev.millrace.worker.dashboard.Dashboard;
import dev.millrace.worker.dashboard.Redaction;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.Authentication;
import dev.millrace.worker.http.HealthRoutes;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Route;
import dev.millrace.worker.http.WebServer;
import dev.millrace.worker.metrics.MillraceMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Dashboard, health and metrics of the worker of this process over HTTP, unless that is off. */
final class Monitoring implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Monitoring.class);

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final MillraceMetrics metrics = new MillraceMetrics(registry);
    private final HttpOptions options;
    private final @Nullable InetSocketAddress address;
    private final @Nullable Authentication authentication;
    private final Redaction redaction;
    private volatile @Nullable Dashboard dashboard;
    private @Nullable WebServer server;

    /**
     * Nothing listens yet.
     *
     * @throws UsageException if the options contradict each other
     */
    Monitoring(HttpOptions options, Map<String, String> environment) {
        this.options = options;
        this.address = options.address();
        this.authentication = address == null ? null : options.authentication(environment);
        this.redaction = options.redaction();
    }

    /** Has the worker counted. */
    void countFor(Worker.Builder builder) {
        if (address != null) {
            builder.meter(metrics);
        }
    }

    /**
     * Begins to answer; before the worker starts, which may take a while.
     *
     * @throws MillraceException if the address that was asked for can't be had; without the default one, the worker does
     */
    Monitoring open(Worker worker) {
        if (address == null) {
            return this;
        }
        boundRequests();
        metrics.bind(worker);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        List<Route> routes = new ArrayList<>(HealthRoutes.of(worker));
        routes.add(Route.open(
                "/metrics",
                request -> Reply.of(
                        200,
                        "text/plain; version=0.0.4; charset=utf-8",
                        registry.scrape().getBytes(StandardCharsets.UTF_8))));
        AuditLog audit = new AuditLog();
        Dashboard opened = Dashboard.of(worker, redaction, audit);
        dashboard = opened;
        routes.addAll(opened.routes());
        try {
            server = builder(address).audit(audit).routes(routes).start();
        } catch (IOException taken) {
            String sentence =
                    "Dashboard, health and metrics can't be served on " + shown(address) + ": " + taken.getMessage();
            if (options.isAddressGiven()) {
                throw new MillraceException(sentence + ". Name another address, or --http off", taken);
            }
            LOG.warn("{}. The worker goes on without; --http names another address, or is off", sentence);
        }
        return this;
    }

    private WebServer.Builder builder(InetSocketAddress on) {
        WebServer.Builder builder = WebServer.builder(on).readOnly(options.isReadOnly());
        return authentication == null ? builder : builder.authentication(authentication);
    }

    /** Says where it answers, once the worker runs. */
    void announce() {
        if (server == null) {
            return;
        }
        String at = shown(server.address());
        if (authentication == null && !server.address().getAddress().isLoopbackAddress()) {
            LOG.info("Health and metrics on http://{}; the dashboard is not served there without --http-user", at);
        } else {
            LOG.info("Dashboard, health and metrics on http://{}", at);
        }
    }

    /**
     * Before the worker closes, on any thread: ends bulk operations, so that their end is in the audit log, and lets none begin. Takes a
     * few seconds at most. Pages, health and metrics stay. May be called twice.
     */
    void stopActions() {
        Dashboard opened = dashboard;
        if (opened != null) {
            opened.close();
        }
    }

    /** The JDK's server waits for a client's request for ever, unless this is set before the first server is made. */
    private static void boundRequests() {
        String limit = "sun.net.httpserver.maxReqTime";
        if (System.getProperty(limit) == null) {
            System.setProperty(limit, "5");
        }
    }

    private static String shown(InetSocketAddress address) {
        String host = address.getHostString();
        return (host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
        stopActions();
        registry.close();
    }
}
