package dev.millrace.worker.dashboard;

import dev.millrace.worker.Worker;
import dev.millrace.worker.http.Assets;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Route;
import java.util.ArrayList;
import java.util.List;

/**
 * The pages and actions of a worker and its database, for {@link dev.millrace.worker.http.WebServer}. It uses the worker's connections: two
 * at once for pages, one for what is live, one for a bulk operation; it asks nothing while nobody looks. Thread-safe.
 */
public final class Dashboard implements AutoCloseable {

    private final List<Route> routes = new ArrayList<>();
    private final BulkRuns runs = new BulkRuns();

    private Dashboard(Worker worker, Redaction redaction, AuditLog audit) {
        Assets assets = new Assets(
                Dashboard.class,
                "dashboard.css",
                "dashboard.js",
                "icon.svg",
                "uplot/uPlot.iife.min.js",
                "uplot/uPlot.min.css");
        Templates templates = new Templates();
        Pages pages = new Pages(templates, assets);
        Source source = new Source(worker);
        Shown shown = new Shown(redaction);
        Live live = new Live(source, templates);
        routes.addAll(assets.routes());
        routes.add(pages.page("/", request -> View.of("Overview", "overview", Live.Tables.of(source))));
        routes.add(Route.page("/live", request -> Reply.events(Live.INTERVAL, live.viewer())));
        routes.addAll(new QueuesPage(source).routes(pages));
        routes.addAll(new JobListPage(source, shown).routes(pages));
        routes.addAll(new JobDetailPage(source, shown).routes(pages));
        routes.addAll(new BulkPages(source, runs, audit).routes(pages));
        routes.addAll(new PeriodicPage(source, shown).routes(pages));
        routes.add(pages.page("/workers", request -> WorkersPage.view(source)));
        routes.add(pages.page("/database", request -> DatabasePage.view(source)));
    }

    /**
     * A dashboard of a worker, which need not be started yet and is not closed with it.
     *
     * @param redaction what args, metadata and output pass through before they are shown
     * @param audit of the server that will serve it: shown on a page, and told how bulk operations end
     */
    public static Dashboard of(Worker worker, Redaction redaction, AuditLog audit) {
        return new Dashboard(worker, redaction, audit);
    }

    /** All of it, to be given to one server. */
    public List<Route> routes() {
        return List.copyOf(routes);
    }

    /** Stops bulk operations after the batch under way, and begins no more; pages stay. Takes a few seconds at most. Before the worker. May be called twice. */
    @Override
    public void close() {
        runs.close();
    }
}
