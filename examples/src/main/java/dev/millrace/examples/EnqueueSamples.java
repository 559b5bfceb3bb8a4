package dev.millrace.examples;

import static dev.millrace.examples.TransactionalEnqueue.SEND_RECEIPT;

import dev.millrace.Millrace;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.examples.TransactionalEnqueue.SendReceipt;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What docs/enqueue.md shows. Safe for use by many threads. */
public final class EnqueueSamples {

    /** A kind whose jobs have options of their own unless the caller says otherwise. */
    public static final JobType<SendReceipt> URGENT_RECEIPT = JobType.of("send_receipt", SendReceipt.class)
            .withDefaults(o -> o.queue("mail").priority(1).maxAttempts(5));

    private final Millrace millrace;

    public EnqueueSamples(Millrace millrace) {
        this.millrace = millrace;
    }

    /** With every option. Returns the id. */
    public long withOptions(SendReceipt receipt, Instant tomorrow) {
        return millrace.enqueue(
                SEND_RECEIPT,
                receipt,
                o -> o.queue("mail")
                        .priority(1) // 1 first … 4 last; 2 by default
                        .at(tomorrow) // or in(Duration)
                        .maxAttempts(5) // 25 by default
                        .timeout(Duration.ofMinutes(2)) // none by default
                        .tags("shop", "vip")
                        .metadata("{\"request\": \"r-7\"}"));
    }

    /** Any number of jobs with the same options, all or none. Returns how many. */
    public long inBulk(Stream<SendReceipt> receipts) {
        return millrace.enqueueAll(SEND_RECEIPT.withDefaults(o -> o.priority(4)), receipts);
    }

    /** Jobs of different kinds in the caller's transaction. Returns their ids, in order. */
    public List<Long> mixed(Connection connection) {
        List<NewJob> jobs = List.of(
                new NewJob("send_receipt", "{\"orderId\": 7, \"to\": \"a@example.com\"}", EnqueueOptions.DEFAULTS),
                new NewJob("noop", "{}", EnqueueOptions.DEFAULTS.in(Duration.ofHours(1))));
        List<Long> ids = new ArrayList<>();
        millrace.enqueueAll(connection, jobs.iterator(), ids::add);
        return ids;
    }

    /** Enqueues, or says that it does not know. */
    public String whenTheDatabaseIsAway(SendReceipt receipt) {
        try {
            return "enqueued as " + millrace.enqueue(SEND_RECEIPT, receipt);
        } catch (DatabaseUnavailableException away) {
            if (away.isResultUnknown()) {
                return "it may be there: " + away.getMessage();
            }
            return "not enqueued, the next attempt to connect is in " + away.retryAfter();
        }
    }
}
