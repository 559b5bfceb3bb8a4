package dev.millrace.worker.dashboard;

import dev.millrace.periodic.PeriodicEntry;
import dev.millrace.periodic.PeriodicJobs;
import dev.millrace.periodic.Schedule;
import dev.millrace.worker.http.Acted;
import dev.millrace.worker.http.BadRequestException;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Request;
import dev.millrace.worker.http.Route;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Periodic jobs: when they come next, whether they run at all, and running one now. */
final class PeriodicPage {

    private static final int TICKS = 3;

    private final Source source;
    private final Shown shown;

    PeriodicPage(Source source, Shown shown) {
        this.source = source;
        this.shown = shown;
    }

    /** What it shows. */
    record Content(List<Entry> entries) {}

    /** One of them. */
    record Entry(
            String name,
            String schedule,
            String zone,
            String kind,
            String queue,
            String args,
            boolean inCode,
            boolean enabled,
            @Nullable Moment last,
            List<Moment> next,
            @Nullable String error) {}

    List<Route> routes(Pages pages) {
        return List.of(
                pages.page("/periodic", request -> page()),
                pages.action(
                        "/periodic/enable",
                        "enable periodic job",
                        request -> change(request, PeriodicJobs::enable, "enabled")),
                pages.action(
                        "/periodic/disable",
                        "disable periodic job",
                        request -> change(request, PeriodicJobs::disable, "disabled")),
                pages.action("/periodic/run", "run periodic job now", request -> {
                    long id = source.periodic().runNow(name(request));
                    return new Acted(name(request), 1, "enqueued as job " + id, Reply.redirect("/jobs/" + id));
                }));
    }

    private View page() {
        List<Entry> entries = source.periodic().list().stream().map(this::entry).toList();
        return View.of("Periodic jobs", "periodic", new Content(entries));
    }

    private Acted change(Request request, BiPredicate<PeriodicJobs, String> change, String word) {
        boolean found = change.test(source.periodic(), name(request));
        return new Acted(
                name(request),
                found ? 1 : 0,
                found ? word : "there is none",
                Reply.redirect("/periodic?done=" + (found ? word : "no_periodic")));
    }

    private static String name(Request request) {
        String name = request.form("name").orElse("");
        if (name.isEmpty() || name.length() > 128) {
            throw new BadRequestException("name: a periodic job's has 1 to 128 characters");
        }
        return name;
    }

    private Entry entry(PeriodicEntry entry) {
        Instant now = Instant.now();
        return new Entry(
                entry.name(),
                entry.schedule(),
                entry.zone(),
                entry.kind(),
                entry.queue(),
                shown.line(entry.kind(), Redaction.Part.ARGS, entry.args()),
                entry.inCode(),
                entry.enabled(),
                Moment.of(entry.lastTick()),
                ticks(entry).map(tick -> Moment.at(tick, now)).toList(),
                entry.error());
    }

    /** As workers plan them, from the next one on; a schedule that only a program knows has no others to show. */
    private static Stream<Instant> ticks(PeriodicEntry entry) {
        Instant next = entry.nextTick();
        if (next == null) {
            return Stream.empty();
        }
        if (entry.schedule().equals("code")) {
            return Stream.of(next);
        }
        try {
            return Stream.concat(
                    Stream.of(next),
                    Schedule.parse(entry.schedule(), entry.zone()).upcoming(next, TICKS - 1).stream()
                            .filter(Objects::nonNull));
        } catch (IllegalArgumentException ofAnotherRelease) {
            return Stream.of(next);
        }
    }
}
