package dev.millrace.examples;

import static dev.millrace.examples.TransactionalEnqueue.SEND_RECEIPT;

import dev.millrace.Millrace;
import dev.millrace.examples.TransactionalEnqueue.SendReceipt;
import dev.millrace.job.JobState;
import dev.millrace.ops.AttemptFailure;
import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.CancelOutcome;
import dev.millrace.ops.EditOutcome;
import dev.millrace.ops.JobDetails;
import dev.millrace.ops.JobEdit;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.JobPage;
import dev.millrace.ops.JobSummary;
import dev.millrace.ops.Jobs;
import dev.millrace.ops.PageRequest;
import dev.millrace.ops.RetryOutcome;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Looks at jobs and operates on them, as docs/jobs.md shows it. Safe for use by many threads. */
public final class JobSamples {

    private final Jobs jobs;

    public JobSamples(Millrace millrace) {
        jobs = millrace.jobs();
    }

    /** One job with its history. */
    public void inspect(long id, Consumer<String> out) {
        JobDetails job = jobs.get(id).orElseThrow();
        out.accept(job.job().state() + " after " + job.job().attempt() + " attempts");
        for (AttemptFailure failure : job.failures()) {
            out.accept(failure.at() + " " + failure.type() + ": " + failure.message());
        }
    }

    /** Every dead letter of a kind, newest first. */
    public void deadLetters(Consumer<JobSummary> each) {
        JobFilter filter = JobFilter.DEAD.kinds("send_receipt").errorContains("timeout");
        PageRequest page = PageRequest.FIRST.size(500);
        JobPage some;
        do {
            some = jobs.list(filter, page);
            some.jobs().forEach(each);
            page = page.after(some.next());
        } while (some.next() != null);
    }

    /** How many there are, in three ways. */
    public List<Long> counts() {
        JobFilter completed = JobFilter.ALL.states(JobState.COMPLETED);
        long exact = jobs.count(completed); // reads each
        long atMost = jobs.countUpTo(completed, 10_000); // reads up to 10,000
        long about = jobs.estimate(completed); // reads none
        return List.of(exact, atMost, about);
    }

    /** To jobs of known ids. */
    public Map<Long, CancelOutcome> byId(long id, List<Long> others) {
        EditOutcome edited = jobs.edit(
                id,
                JobEdit.NOTHING
                        .args(SEND_RECEIPT, new SendReceipt(7, "b@example.com"))
                        .priority(1)
                        .in(Duration.ZERO));
        if (edited == EditOutcome.NOT_WAITING) {
            jobs.retry(id);
        }
        return jobs.cancel(others);
    }

    /** To all dead letters of a kind. */
    public BulkResult<RetryOutcome> redrive(Consumer<Long> progress) {
        BulkResult<RetryOutcome> result = jobs.retry(
                JobFilter.DEAD.kinds("send_receipt"),
                BulkOptions.DEFAULTS.limit(100_000).onProgress(soFar -> progress.accept(soFar.jobs())));
        long left = result.count(RetryOutcome.KEY_TAKEN); // a newer job has their unique key
        progress.accept(left);
        return result;
    }
}
