package dev.millrace.worker.dashboard;

import dev.millrace.job.JobState;
import dev.millrace.ops.JobPage;
import dev.millrace.ops.JobSummary;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Request;
import dev.millrace.worker.http.Route;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Jobs that a search matches, page by page, and the way to what can be done to all of them. */
final class JobListPage {

    static final int SIZE = 50;

    /**
     * Jobs looked at for one page, however few of them match: their rows are read in some 30 ms. The page then says where it stopped and
     * leads on.
     */
    static final int READING = 10_000;

    private static final int SHOWN_ARGS = 160;

    private final Source source;
    private final Shown shown;

    JobListPage(Source source, Shown shown) {
        this.source = source;
        this.shown = shown;
    }

    /**
     * What it shows.
     *
     * @param next query of the address of the next page; null on the last
     * @param cut whether the page ended before it was full, and others may match further on
     * @param query of the address of all that match; empty where everything does
     */
    record Content(
            Form form,
            List<Row> jobs,
            @Nullable String next,
            boolean later,
            boolean cut,
            String reading,
            String query,
            String first) {}

    /** The form, filled in as it was asked. */
    record Form(
            List<Choice> states,
            String kind,
            String queue,
            String tag,
            String args,
            String error,
            String worker,
            List<Choice> times,
            String from,
            String before,
            List<Choice> orders,
            boolean open) {}

    /** One of several values to choose. */
    record Choice(String value, String label, boolean chosen) {}

    /** A job in the list. */
    record Row(
            long id,
            String state,
            String kind,
            String queue,
            int priority,
            String attempts,
            List<String> tags,
            Moment created,
            String since,
            @Nullable Moment at,
            @Nullable String args,
            @Nullable String error) {}

    List<Route> routes(Pages pages) {
        return List.of(pages.page("/jobs", this::page), Route.page("/jobs/find", JobListPage::find));
    }

    /** The box at the top of each page: a number is an id, everything else a kind. */
    private static Reply find(Request request) {
        String words = request.query("q").orElse("").strip();
        return Reply.redirect(
                words.matches("\\d{1,18}")
                        ? "/jobs/" + words
                        : words.isEmpty() ? "/jobs" : "/jobs?kind=" + JobSearch.encoded(words));
    }

    private View page(Request request) {
        JobSearch search = JobSearch.of(request.query());
        String after = request.query("after").orElse(null);
        JobPage page = source.jobs().list(search.filter(), search.page(SIZE, READING, after));
        String query = search.query();
        String next = page.next();
        List<Row> rows = page.jobs().stream().map(this::row).toList();
        return View.of(
                "Jobs",
                "jobs",
                new Content(
                        form(search),
                        rows,
                        next == null ? null : (query.isEmpty() ? "" : query + "&") + "after=" + JobSearch.encoded(next),
                        after != null,
                        next != null && rows.size() < SIZE,
                        Numbers.of(READING),
                        search.isNarrowed() ? query : "",
                        query));
    }

    private Row row(JobSummary job) {
        String args = job.args();
        String since = since(job);
        return new Row(
                job.id(),
                job.state().sql(),
                job.kind(),
                job.queue(),
                job.priority(),
                job.attempt() + " of " + job.maxAttempts(),
                job.tags(),
                Moment.at(job.createdAt(), Instant.now()),
                since,
                Moment.of(
                        switch (since) {
                            case "ended" -> job.finalizedAt();
                            case "began" -> job.attemptedAt();
                            default -> job.scheduledAt();
                        }),
                args == null ? "(large)" : cut(shown.line(job.kind(), Redaction.Part.ARGS, args)),
                job.lastError());
    }

    private static String since(JobSummary job) {
        return job.state().isFinal() ? "ended" : job.state() == JobState.RUNNING ? "began" : "due";
    }

    private static String cut(String text) {
        return text.length() <= SHOWN_ARGS ? text : text.substring(0, SHOWN_ARGS) + "…";
    }

    private static Form form(JobSearch search) {
        List<Choice> states = Arrays.stream(JobState.values())
                .map(state ->
                        new Choice(state.sql(), state.sql(), search.all("state").contains(state.sql())))
                .toList();
        boolean open = search.one("tag").isPresent()
                || search.one("args").isPresent()
                || search.one("error").isPresent()
                || search.one("worker").isPresent()
                || search.one("time").isPresent()
                || search.one("order").isPresent();
        return new Form(
                states,
                search.one("kind").orElse(""),
                search.one("queue").orElse(""),
                search.one("tag").orElse(""),
                search.one("args").orElse(""),
                search.one("error").orElse(""),
                search.one("worker").orElse(""),
                choices(search, "time", "created", "due", "ended"),
                search.one("from").orElse(""),
                search.one("before").orElse(""),
                choices(search, "order", "newest", "oldest"),
                open);
    }

    private static List<Choice> choices(JobSearch search, String name, String... values) {
        String chosen = search.one(name).orElse(values[0]);
        return Arrays.stream(values)
                .map(value -> new Choice(value, value, value.equals(chosen)))
                .toList();
    }
}
