package dev.millrace.worker.dashboard;

import dev.millrace.ops.JobCount;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.JobPage;
import dev.millrace.ops.PageRequest;
import dev.millrace.worker.http.Acted;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.BadRequestException;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Request;
import dev.millrace.worker.http.Route;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is done to all jobs that a search matches: asked first, with their count; then watched. */
final class BulkPages {

    /** Jobs looked at to count those that match. */
    private static final int COUNTED = 10_000;

    private final Source source;
    private final BulkRuns runs;
    private final AuditLog audit;

    BulkPages(Source source, BulkRuns runs, AuditLog audit) {
        this.source = source;
        this.runs = runs;
        this.audit = audit;
    }

    /**
     * The question.
     *
     * @param fields of the form: the search, up to the newest job there was when it was asked
     * @param back query of the address of the list
     */
    record Question(
            String verb,
            String words,
            String count,
            boolean partly,
            String counted,
            boolean any,
            boolean runsAgain,
            List<JobSearch.Field> fields,
            String back) {}

    /** One run. */
    record Run(
            long id,
            String verb,
            String words,
            String query,
            String caller,
            Moment asked,
            String stage,
            boolean over,
            String counts,
            @Nullable String failure) {}

    /** What was done, newest first. */
    record Actions(List<Run> runs, List<Entry> entries) {}

    /** A line of the audit log. */
    record Entry(Moment at, String who, String remote, String action, String on, String count, String result) {}

    List<Route> routes(Pages pages) {
        return List.of(
                pages.page("/jobs/bulk", this::question),
                pages.action("/jobs/bulk", "act on all jobs that match", this::begin),
                pages.page("/actions", request -> actions()),
                pages.page("/actions/{run}", request -> View.of("Action", "run", view(run(request)))),
                pages.action("/actions/{run}/stop", "stop an action", request -> {
                    BulkRun run = run(request);
                    run.stop();
                    return new Acted(
                            run.verb().word() + " of " + run.search().words(),
                            run.count(),
                            "to be stopped",
                            Reply.redirect("/actions/" + run.id() + "?done=stopped"));
                }));
    }

    private View question(Request request) {
        BulkRun.Verb verb = verb(request.query());
        JobSearch asked = narrowed(request.query());
        JobSearch search = upToNow(asked);
        JobCount count = source.jobs().countAmong(search.filter(), COUNTED);
        return View.of(
                "Are you sure?",
                "bulk",
                new Question(
                        verb.word(),
                        asked.words(),
                        Numbers.of(count.jobs()),
                        !count.complete(),
                        Numbers.of(COUNTED),
                        count.jobs() > 0 || !count.complete(),
                        verb == BulkRun.Verb.RETRY
                                && (search.all("state").isEmpty()
                                        || search.all("state").contains("completed")),
                        search.fields(),
                        asked.query()));
    }

    /** What is enqueued after the question was asked is none of what was counted. */
    private JobSearch upToNow(JobSearch search) {
        if (search.one("id_to").isPresent()) {
            return search;
        }
        JobPage newest = source.jobs().list(JobFilter.ALL, PageRequest.FIRST.size(1));
        return newest.jobs().isEmpty()
                ? search
                : search.with("id_to", Long.toString(newest.jobs().get(0).id()));
    }

    private Acted begin(Request request) {
        BulkRun.Verb verb = verb(request.form());
        JobSearch search = narrowed(request.form());
        String remote = request.head().remote().getAddress().getHostAddress();
        BulkRun run =
                runs.begin(id -> new BulkRun(id, verb, search, request.caller().name(), remote, source.jobs(), audit));
        return new Acted(search.words(), 0, verb.word() + " begun", Reply.redirect("/actions/" + run.id()));
    }

    private static BulkRun.Verb verb(Map<String, List<String>> parameters) {
        String word = parameters.getOrDefault("do", List.of("")).get(0);
        return Arrays.stream(BulkRun.Verb.values())
                .filter(verb -> verb.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new BadRequestException("do: '" + word + "' is none of "
                        + Arrays.stream(BulkRun.Verb.values())
                                .map(BulkRun.Verb::word)
                                .collect(Collectors.joining(", "))));
    }

    /** Every job there is, by a click too many, is nothing that anybody means. */
    private static JobSearch narrowed(Map<String, List<String>> parameters) {
        JobSearch search = JobSearch.of(parameters);
        if (!search.isNarrowed()) {
            throw new BadRequestException("This would be every job: give a condition first, such as a state");
        }
        return search;
    }

    private BulkRun run(Request request) {
        String text = request.variable("run");
        return Optional.of(text)
                .filter(number -> number.matches("\\d{1,18}"))
                .flatMap(number -> runs.find(Long.parseLong(number)))
                .orElseThrow(() -> new BadRequestException(
                        "There is no action " + text + ": this process remembers the last ones it has done itself"));
    }

    private View actions() {
        List<Run> recent = runs.all().stream().map(BulkPages::view).toList();
        List<Entry> entries = audit.recent().stream()
                .map(entry -> new Entry(
                        Moment.at(entry.at(), Instant.now()),
                        entry.who(),
                        entry.remote(),
                        entry.action(),
                        entry.on(),
                        Numbers.of(entry.count()),
                        entry.result()))
                .toList();
        return View.of("Actions", "actions", new Actions(recent, entries));
    }

    private static Run view(BulkRun run) {
        return new Run(
                run.id(),
                run.verb().word(),
                run.search().words(),
                run.search().query(),
                run.caller(),
                Moment.at(run.asked(), Instant.now()),
                run.stage().word(),
                run.isOver(),
                run.counts(),
                run.failure());
    }
}
