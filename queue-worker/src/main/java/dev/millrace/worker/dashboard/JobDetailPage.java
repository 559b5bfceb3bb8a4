package dev.millrace.worker.dashboard;

import dev.millrace.job.JobState;
import dev.millrace.ops.AttemptFailure;
import dev.millrace.ops.JobDetails;
import dev.millrace.ops.JobEdit;
import dev.millrace.ops.JobSummary;
import dev.millrace.ops.Jobs;
import dev.millrace.worker.http.Acted;
import dev.millrace.worker.http.BadRequestException;
import dev.millrace.worker.http.Reply;
import dev.millrace.worker.http.Request;
import dev.millrace.worker.http.Route;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One job: all that is known of it, and what can be done to it. */
final class JobDetailPage {

    private final Source source;
    private final Shown shown;

    JobDetailPage(Source source, Shown shown) {
        this.source = source;
        this.shown = shown;
    }

    /** What it shows. */
    record Content(
            long id,
            String state,
            String kind,
            String queue,
            String queueQuery,
            String kindQuery,
            int priority,
            String attempts,
            List<String> tags,
            String args,
            @Nullable String metadata,
            @Nullable String output,
            @Nullable String timeout,
            @Nullable String retryPolicy,
            @Nullable String uniqueKey,
            String uniqueStates,
            @Nullable String worker,
            List<Step> steps,
            List<Failure> failures,
            @Nullable Stack stack,
            boolean cancels,
            boolean retries,
            boolean deletes,
            boolean edits,
            List<JobListPage.Choice> priorities,
            String due) {}

    /** Something that happened or will. */
    record Step(Moment at, String what, @Nullable String detail) {}

    /** A failed attempt. */
    record Failure(
            @Nullable Integer attempt,
            @Nullable Moment at,
            @Nullable String worker,
            @Nullable String type,
            @Nullable String message,
            @Nullable String trace) {}

    /**
     * Where a running job is.
     *
     * @param here whether it runs in this process
     * @param frames of its stack; empty where it does not
     */
    record Stack(boolean here, String frames, @Nullable String worker) {}

    List<Route> routes(Pages pages) {
        return List.of(
                pages.page("/jobs/{id}", this::page),
                pages.page("/jobs/{id}/delete", request -> confirmation(id(request))),
                pages.action("/jobs/{id}/cancel", "cancel job", request -> act(request, Jobs::cancel)),
                pages.action("/jobs/{id}/retry", "retry job", request -> act(request, Jobs::retry)),
                pages.action(
                        "/jobs/{id}/edit",
                        "edit job",
                        request -> act(request, (jobs, id) -> jobs.edit(id, edit(request)))),
                pages.action("/jobs/{id}/delete", "delete job", request -> act(request, Jobs::delete)));
    }

    private View page(Request request) {
        long id = id(request);
        Optional<JobDetails> job = source.jobs().get(id);
        return job.map(details -> View.of("Job " + id, "job", content(details))).orElseGet(() -> missing(id));
    }

    /** Asks first: what is deleted is gone. */
    private View confirmation(long id) {
        return source.jobs()
                .get(id)
                .map(details -> View.of("Delete job " + id, "delete", content(details)))
                .orElseGet(() -> missing(id));
    }

    private static View missing(long id) {
        return View.problem(
                404,
                "There is no job " + id,
                "It was never there, was deleted, or was kept as long as its queue says.");
    }

    private static long id(Request request) {
        String text = request.variable("id");
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException notANumber) {
            throw new BadRequestException("'" + text + "' is not the id of a job");
        }
    }

    private <O extends Enum<O>> Acted act(Request request, BiFunction<Jobs, Long, O> action) {
        long id = id(request);
        String outcome = action.apply(source.jobs(), id).name().toLowerCase(Locale.ROOT);
        boolean changed = List.of("cancelled", "requested", "retried", "deleted", "changed")
                .contains(outcome);
        boolean gone = outcome.equals("deleted") || outcome.equals("not_found");
        return new Acted(
                Long.toString(id),
                changed ? 1 : 0,
                outcome.replace('_', ' '),
                Reply.redirect((gone ? "/jobs" : "/jobs/" + id) + "?done=" + outcome));
    }

    private static JobEdit edit(Request request) {
        JobEdit edit = JobEdit.NOTHING;
        String priority = request.form("priority").orElse("");
        String due = request.form("due").orElse("").strip();
        try {
            if (!priority.isEmpty()) {
                edit = edit.priority(Integer.parseInt(priority));
            }
            if (!due.isEmpty()) {
                edit = edit.at(JobSearch.requireMoment("due", due));
            }
        } catch (NumberFormatException notANumber) {
            throw new BadRequestException("priority: '" + priority + "' is none of 1, 2, 3, 4");
        } catch (IllegalArgumentException outOfRange) {
            throw new BadRequestException(String.valueOf(outOfRange.getMessage()));
        }
        if (edit.isEmpty()) {
            throw new BadRequestException("Nothing is to change: give a priority or a time");
        }
        return edit;
    }

    private Content content(JobDetails details) {
        JobSummary job = details.job();
        boolean waits = !job.state().isFinal() && job.state() != JobState.RUNNING;
        return new Content(
                job.id(),
                job.state().sql(),
                job.kind(),
                job.queue(),
                "queue=" + JobSearch.encoded(job.queue()),
                "kind=" + JobSearch.encoded(job.kind()),
                job.priority(),
                job.attempt() + " of " + job.maxAttempts(),
                job.tags(),
                shown.block(job.kind(), Redaction.Part.ARGS, details.args()),
                block(job, Redaction.Part.METADATA, details.metadata()),
                block(job, Redaction.Part.OUTPUT, details.output()),
                details.timeout() == null ? null : Moment.span(details.timeout()),
                details.retryPolicy(),
                details.uniqueKey(),
                String.join(", ", details.uniqueStates()),
                job.attemptedBy(),
                steps(details),
                failures(details),
                job.state() == JobState.RUNNING ? stack(job) : null,
                !job.state().isFinal(),
                job.state() != JobState.RUNNING && job.state() != JobState.AVAILABLE,
                job.state() != JobState.RUNNING,
                waits,
                IntStream.rangeClosed(1, 4)
                        .mapToObj(each -> new JobListPage.Choice(
                                Integer.toString(each), Integer.toString(each), each == job.priority()))
                        .toList(),
                Moment.at(job.scheduledAt(), Instant.now()).iso().replace("Z", ""));
    }

    private @Nullable String block(JobSummary job, Redaction.Part part, @Nullable String json) {
        return json == null ? null : shown.block(job.kind(), part, json);
    }

    private static List<Step> steps(JobDetails details) {
        JobSummary job = details.job();
        record At(Instant at, String what, @Nullable String detail) {}
        List<At> all = new ArrayList<>();
        all.add(new At(job.createdAt(), "enqueued", null));
        if (!job.scheduledAt().equals(job.createdAt())) {
            all.add(new At(job.scheduledAt(), "due", null));
        }
        for (AttemptFailure failure : details.failures()) {
            if (failure.at() != null) {
                String what =
                        failure.attempt() == null ? "an attempt failed" : "attempt " + failure.attempt() + " failed";
                all.add(new At(failure.at(), what, failure.type()));
            }
        }
        if (job.attemptedAt() != null) {
            all.add(new At(job.attemptedAt(), "attempt " + job.attempt() + " began", job.attemptedBy()));
        }
        if (details.cancelRequestedAt() != null) {
            all.add(new At(details.cancelRequestedAt(), "somebody asked for it to be cancelled", null));
        }
        if (job.finalizedAt() != null) {
            all.add(new At(job.finalizedAt(), job.state().sql(), null));
        }
        Instant now = Instant.now();
        return all.stream()
                .sorted(Comparator.comparing(At::at))
                .map(step -> new Step(Moment.at(step.at(), now), step.what(), step.detail()))
                .toList();
    }

    /** The newest first: that is the one to look at. */
    private static List<Failure> failures(JobDetails details) {
        List<Failure> failures = new ArrayList<>();
        for (AttemptFailure failure : details.failures()) {
            failures.add(
                    0,
                    new Failure(
                            failure.attempt(),
                            Moment.of(failure.at()),
                            failure.worker(),
                            failure.type(),
                            failure.message(),
                            failure.trace()));
        }
        return failures;
    }

    private Stack stack(JobSummary job) {
        boolean here = Objects.equals(job.attemptedBy(), source.workerId());
        List<StackTraceElement> place = here ? source.worker().stack(job.id()) : List.of();
        return new Stack(
                here, place.stream().map(frame -> "at " + frame).collect(Collectors.joining("\n")), job.attemptedBy());
    }
}
