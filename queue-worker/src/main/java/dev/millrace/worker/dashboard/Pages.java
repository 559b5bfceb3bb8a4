package dev.millrace.worker.dashboard;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.error.MillraceException;
import dev.millrace.worker.http.Acted;
import dev.millrace.worker.http.Assets;
import dev.millrace.worker.http.BadRequestException;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Request;
import dev.millrace.worker.http.Route;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What all pages have in common: the layout, how failures are told, and that few of them are made at once, so that viewers leave the
 * worker its connections. Thread-safe.
 */
final class Pages {

    /** Of a pool that has 2 at least and 10 by default. */
    private static final int AT_ONCE = 2;

    /** Requests that wait for one of these; each takes a thread that answers for health as well, of which the server has many more. */
    private static final int WAITING = 8;

    private static final long WAIT_SECONDS = 5;

    private static final List<String> NAMES =
            List.of("Overview", "Queues", "Jobs", "Periodic", "Workers", "Database", "Actions");
    private static final List<String> PATHS =
            List.of("/", "/queues", "/jobs", "/periodic", "/workers", "/database", "/actions");

    /** What a finished action is told as; the address of the page that follows has the key, so nobody can put words there. */
    private static final Map<String, String> NOTICES = Map.ofEntries(
            Map.entry("cancelled", "The job is cancelled."),
            Map.entry("requested", "The job runs: its handler is asked to stop."),
            Map.entry("final", "The job had ended before: nothing was changed."),
            Map.entry("retried", "The job is available now."),
            Map.entry("available", "The job was available already."),
            Map.entry("running", "The job runs: nothing was changed. Cancel it first."),
            Map.entry("key_taken", "Another job holds its unique key meanwhile: nothing was changed."),
            Map.entry("not_found", "There is no such job any more."),
            Map.entry("deleted", "The job is deleted."),
            Map.entry("changed", "The job is changed."),
            Map.entry("not_waiting", "The job runs or has ended: nothing was changed."),
            Map.entry("paused", "The queue is paused."),
            Map.entry("resumed", "The queue is resumed."),
            Map.entry("slots", "The slots are set; workers follow with their next heartbeat."),
            Map.entry("enabled", "The periodic job is enabled."),
            Map.entry("disabled", "The periodic job is disabled."),
            Map.entry("no_periodic", "There is no such periodic job any more."),
            Map.entry("stopped", "It ends after the batch under way."));

    private final Templates templates;
    private final Assets assets;
    private final Semaphore free = new Semaphore(AT_ONCE, true);
    private final Semaphore places = new Semaphore(AT_ONCE + WAITING);

    Pages(Templates templates, Assets assets) {
        this.templates = templates;
        this.assets = assets;
    }

    /** What the layout shows, around a content that sees this as well. */
    record Layout(
            String title,
            List<Link> links,
            String caller,
            boolean operates,
            String tokenField,
            String token,
            @Nullable String notice,
            Map<String, String> assets,
            Object content) {}

    /** A place to go to. */
    record Link(String name, String path, boolean here) {}

    Route page(String path, Function<Request, View> page) {
        return Route.page(path, request -> {
            View view;
            try {
                view = bounded(() -> page.apply(request));
            } catch (BadRequestException wrong) {
                view = View.problem(400, "That can't be shown", String.valueOf(wrong.getMessage()));
            } catch (MillraceException failure) {
                view = failed(failure);
            }
            return shown(request, view);
        });
    }

    /** An action; what the database refuses is told on a page, and in the audit log. */
    Route action(String path, String name, Function<Request, Acted> action) {
        return Route.action(path, name, request -> {
            try {
                return bounded(() -> action.apply(request));
            } catch (BadRequestException wrong) {
                throw wrong;
            } catch (MillraceException failure) {
                return new Acted(
                        request.uri().getPath(), 0, "failed: " + failure.getMessage(), shown(request, failed(failure)));
            }
        });
    }

    private static View failed(MillraceException failure) {
        String title = "The database did not do that";
        if (failure instanceof BusyException) {
            title = "Not now";
        } else if (failure instanceof DatabaseUnavailableException) {
            title = "The database can't be reached";
        }
        return View.problem(503, title, String.valueOf(failure.getMessage()));
    }

    private interface Work<T> {
        T run();
    }

    private <T> T bounded(Work<T> work) {
        if (!places.tryAcquire()) {
            throw tooMany();
        }
        try {
            return inTurn(work);
        } finally {
            places.release();
        }
    }

    private <T> T inTurn(Work<T> work) {
        try {
            if (!free.tryAcquire(WAIT_SECONDS, TimeUnit.SECONDS)) {
                throw tooMany();
            }
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
            throw new BusyException("The server is closing");
        }
        try {
            return work.run();
        } finally {
            free.release();
        }
    }

    private static BusyException tooMany() {
        return new BusyException("Too many pages are asked for at once: try again");
    }

    private Reply shown(Request request, View view) {
        String path = request.uri().getPath();
        List<Link> links = IntStream.range(0, NAMES.size())
                .mapToObj(i -> new Link(
                        NAMES.get(i),
                        PATHS.get(i),
                        PATHS.get(i).equals(path) || (i > 0 && path.startsWith(PATHS.get(i) + "/"))))
                .toList();
        Layout layout = new Layout(
                view.title(),
                links,
                request.caller().name(),
                request.mayOperate(),
                Request.TOKEN_FIELD,
                request.token(),
                request.query("done").map(NOTICES::get).orElse(null),
                Map.of(
                        "css", assets.path("dashboard.css"),
                        "js", assets.path("dashboard.js"),
                        "chart_css", assets.path("uPlot.min.css"),
                        "chart_js", assets.path("uPlot.iife.min.js"),
                        "icon", assets.path("icon.svg")),
                view.content());
        return Reply.html(view.status(), templates.page(view.template(), layout));
    }
}
