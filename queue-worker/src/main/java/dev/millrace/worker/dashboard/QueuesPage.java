package dev.millrace.worker.dashboard;

import dev.millrace.queue.Queues;
import dev.millrace.worker.http.Acted;
import dev.millrace.worker.http.BadRequestException;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Request;
import dev.millrace.worker.http.Route;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** All queues, and what is set for them. */
final class QueuesPage {

    private final Source source;

    QueuesPage(Source source) {
        this.source = source;
    }

    /** What it shows. */
    record Content(List<QueueView> queues, int mostSlots) {}

    List<Route> routes(Pages pages) {
        return List.of(
                pages.page("/queues", request -> page()),
                pages.action("/queues/pause", "pause queue", request -> {
                    source.queues().pause(queue(request));
                    return done(request, "paused");
                }),
                pages.action("/queues/resume", "resume queue", request -> {
                    source.queues().resume(queue(request));
                    return done(request, "resumed");
                }),
                pages.action("/queues/slots", "set slots of queue", this::setSlots));
    }

    private View page() {
        return View.of("Queues", "queues", new Content(QueueView.all(source), Queues.MAX_SLOTS));
    }

    private Acted setSlots(Request request) {
        Integer slots = slots(request.form("slots").orElse("").strip());
        source.queues().slots(queue(request), slots);
        source.queuesChanged();
        return new Acted(
                queue(request),
                1,
                slots == null ? "left to the workers" : slots + " on each worker",
                Reply.redirect("/queues?done=slots"));
    }

    private static @Nullable Integer slots(String text) {
        if (text.isEmpty()) {
            return null;
        }
        try {
            int slots = Integer.parseInt(text);
            if (slots >= 1 && slots <= Queues.MAX_SLOTS) {
                return slots;
            }
        } catch (NumberFormatException told) {
            // As what is out of range.
        }
        throw new BadRequestException("slots: '" + text + "' is not possible: 1 to " + Queues.MAX_SLOTS
                + ", or nothing for the workers' own");
    }

    private Acted done(Request request, String result) {
        source.queuesChanged();
        return new Acted(queue(request), 1, result, Reply.redirect("/queues?done=" + result));
    }

    private static String queue(Request request) {
        String queue = request.form("queue").orElse("");
        if (queue.isEmpty() || queue.length() > 128) {
            throw new BadRequestException("queue: a name has 1 to 128 characters");
        }
        return queue;
    }
}
