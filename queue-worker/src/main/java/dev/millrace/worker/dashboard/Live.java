package dev.millrace.worker.dashboard;

import dev.millrace.error.MillraceException;
import dev.millrace.queue.QueueInfo;
import dev.millrace.worker.http.EventSource;
import dev.millrace.worker.http.ServerEvent;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the overview shows as it changes: made once in an interval for all who look, and not at all while nobody does. What was seen
 * within the last minutes is kept, so that charts do not begin empty for the next one who looks. Thread-safe.
 */
final class Live {

    /** Between two looks at the database. */
    static final Duration INTERVAL = Duration.ofSeconds(2);

    private static final int KEPT = 300;
    /** Queues with a line of their own; the others share one. */
    private static final int LINES = 8;

    private static final String OTHERS = "other queues";

    private final Source source;
    private final Templates templates;
    private final Cached<Tick> ticks;
    private final Deque<Tick> kept = new ArrayDeque<>();
    private long number;

    /**
     * One look.
     *
     * @param point of the charts as JSON; empty where the database was away
     * @param html of the tables
     */
    private record Tick(long number, String point, String html) {}

    /** What the tables are made of. */
    record Tables(List<QueueView.Count> counts, List<QueueView> queues, List<WorkerView> workers) {

        static Tables of(Source source) {
            return new Tables(QueueView.totals(source), QueueView.all(source), WorkerView.all(source));
        }
    }

    Live(Source source, Templates templates) {
        this.source = source;
        this.templates = templates;
        this.ticks = new Cached<>(INTERVAL.minusMillis(500), this::look);
    }

    /** For one viewer: what was seen so far first, then each look. */
    EventSource viewer() {
        AtomicLong seen = new AtomicLong();
        return () -> {
            Tick tick = ticks.get();
            long before = seen.getAndSet(tick.number());
            if (tick.number() == before) {
                return List.of();
            }
            List<ServerEvent> events = new ArrayList<>();
            events.add(new ServerEvent("tables", tick.html()));
            events.add(new ServerEvent("points", points(before)));
            return events;
        };
    }

    private synchronized String points(long after) {
        return kept.stream()
                .filter(tick -> tick.number() > after && !tick.point().isEmpty())
                .map(Tick::point)
                .collect(Collectors.joining(",", "[", "]"));
    }

    private synchronized Tick look() {
        number++;
        Tick tick;
        try {
            String point = point(source.queueList());
            tick = new Tick(number, point, templates.fragment("tables", Tables.of(source)));
        } catch (MillraceException away) {
            String sentence = String.valueOf(away.getMessage());
            tick = new Tick(
                    number,
                    "",
                    templates.fragment("problem", new View.Problem("The database does not answer", sentence)));
        }
        kept.addLast(tick);
        if (kept.size() > KEPT) {
            kept.removeFirst();
        }
        return tick;
    }

    /** {@code {"at": seconds, "queues": {"name": [completed a second, failed a second, seconds waited]}}}. */
    private static String point(List<QueueInfo> queues) {
        List<QueueInfo> busiest = queues.stream()
                .sorted(Comparator.comparingLong((QueueInfo queue) -> -queue.finishedLastMinute())
                        .thenComparing(QueueInfo::name))
                .toList();
        ObjectNode point = JsonMapper.shared().createObjectNode();
        point.put("at", System.currentTimeMillis() / 1_000);
        ObjectNode lines = point.putObject("queues");
        double completed = 0;
        double failed = 0;
        double waited = 0;
        for (int i = 0; i < busiest.size(); i++) {
            QueueInfo queue = busiest.get(i);
            double done = queue.finishedLastMinute() / 60.0;
            double failures = queue.failedLastMinute() / 60.0;
            Duration lag = queue.lag();
            // A paused queue waits because somebody wants it to, and would hide the others below its line.
            double seconds = lag == null || queue.pausedAt() != null ? 0 : lag.toMillis() / 1_000.0;
            if (i < LINES) {
                line(lines.putArray(queue.name()), done, failures, seconds);
            } else {
                completed += done;
                failed += failures;
                waited = Math.max(waited, seconds);
            }
        }
        if (busiest.size() > LINES) {
            line(lines.putArray(OTHERS), completed, failed, waited);
        }
        return point.toString();
    }

    private static void line(ArrayNode array, double completed, double failed, double waited) {
        array.add(Math.round(completed * 100) / 100.0)
                .add(Math.round(failed * 100) / 100.0)
                .add(waited);
    }
}
