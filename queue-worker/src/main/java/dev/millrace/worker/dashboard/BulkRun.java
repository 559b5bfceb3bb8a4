package dev.millrace.worker.dashboard;

import dev.millrace.error.MillraceException;
import dev.millrace.ops.BulkOptions;
import dev.millrace.ops.BulkResult;
import dev.millrace.ops.Jobs;
import dev.millrace.worker.http.AuditLog;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One operation on all jobs that a search matches, while it runs and after. Thread-safe. */
final class BulkRun implements Runnable {

    /** What can be done to all that match. */
    enum Verb {
        CANCEL,
        RETRY,
        DELETE;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Where it stands. */
    enum Stage {
        WAITING,
        RUNNING,
        DONE,
        STOPPED,
        FAILED;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(BulkRun.class);

    private final long id;
    private final Verb verb;
    private final JobSearch search;
    private final String caller;
    private final String remote;
    private final Jobs jobs;
    private final AuditLog audit;
    private final Instant asked = Instant.now();
    private volatile Stage stage = Stage.WAITING;
    private volatile boolean stop;
    private volatile @Nullable BulkResult<?> result;
    private volatile @Nullable String failure;

    BulkRun(long id, Verb verb, JobSearch search, String caller, String remote, Jobs jobs, AuditLog audit) {
        this.id = id;
        this.verb = verb;
        this.search = search;
        this.caller = caller;
        this.remote = remote;
        this.jobs = jobs;
        this.audit = audit;
    }

    /** Works in batches until all are done, or it is stopped. */
    @Override
    public void run() {
        stage = Stage.RUNNING;
        Stage end = Stage.FAILED;
        try {
            if (stop) {
                throw new CancellationException();
            }
            BulkOptions options = BulkOptions.DEFAULTS.onProgress(this::progress);
            result = switch (verb) {
                case CANCEL -> jobs.cancel(search.filter(), options);
                case RETRY -> jobs.retry(search.filter(), options);
                case DELETE -> jobs.delete(search.filter(), options);
            };
            end = Stage.DONE;
        } catch (CancellationException stopped) {
            end = Stage.STOPPED;
        } catch (MillraceException refused) {
            failure = refused.getMessage();
        } catch (RuntimeException fault) {
            LOG.warn("An action broke off: {} of jobs with {}", verb.word(), search.words(), fault);
            failure = "It broke off by a fault, which the log of this process has";
        } finally {
            // Whoever sees the end finds it in the audit log.
            audit.write(
                    caller,
                    remote,
                    verb.word() + " jobs: the end",
                    search.words(),
                    count(),
                    end.word() + ", " + counts());
            stage = end;
        }
    }

    private void progress(BulkResult<?> soFar) {
        result = soFar;
        if (stop) {
            throw new CancellationException();
        }
    }

    /** Ends it after the batch that is under way; what was done stays done. */
    void stop() {
        stop = true;
    }

    long id() {
        return id;
    }

    Verb verb() {
        return verb;
    }

    JobSearch search() {
        return search;
    }

    String caller() {
        return caller;
    }

    Instant asked() {
        return asked;
    }

    Stage stage() {
        return stage;
    }

    boolean isOver() {
        return stage != Stage.WAITING && stage != Stage.RUNNING;
    }

    /** How many jobs were looked at so far. */
    long count() {
        BulkResult<?> current = result;
        return current == null ? 0 : current.jobs();
    }

    /** What it came to so far, in words. */
    String counts() {
        BulkResult<?> current = result;
        if (current == null || current.counts().isEmpty()) {
            return "no jobs";
        }
        return current.counts().entrySet().stream()
                .map(entry -> entry.getValue() + " "
                        + entry.getKey().name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .collect(Collectors.joining(", "));
    }

    /** Why it failed; null if it did not. */
    @Nullable String failure() {
        return failure;
    }
}
