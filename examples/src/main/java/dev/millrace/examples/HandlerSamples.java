package dev.millrace.examples;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobEvent;
import dev.millrace.job.JobType;
import dev.millrace.job.RetryPolicy;
import dev.millrace.worker.Worker;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.RunningJob;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import javax.crypto.SecretKey;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The samples of docs/handlers.md, which a test compares with these. */
final class HandlerSamples {

    private static final Logger LOG = LoggerFactory.getLogger(HandlerSamples.class);

    record Import(String url, long customer) {}

    record Page(int rows, boolean last) {}

    /** Where the imports come from. */
    interface Source {
        boolean isKnown(long customer);

        boolean isOverloaded();

        Instant opensAt();

        Page read(String url, int page);
    }

    static final JobType<Import> IMPORT = JobType.of("import", Import.class);

    private final Source source;

    HandlerSamples(Source source) {
        this.source = source;
    }

    Worker results(Database database) {
        return Worker.builder(database)
                .handleResult(IMPORT, (job, args) -> {
                    if (!source.isKnown(args.customer())) {
                        return Result.discard("customer " + args.customer() + " is gone");
                    }
                    if (source.opensAt().isAfter(Instant.now())) {
                        return Result.snoozeUntil(source.opensAt());
                    }
                    if (source.isOverloaded()) {
                        return Result.retryIn(Duration.ofMinutes(5), "overloaded");
                    }
                    return Result.done(Map.of("rows", source.read(args.url(), 0).rows()));
                })
                .build();
    }

    Worker retries(Database database) {
        return Worker.builder(database)
                .handle(IMPORT, this::importAll, RetryPolicy.exponential(Duration.ofSeconds(1), 2, Duration.ofHours(1)))
                .build();
    }

    void retriesOfOneJob(Millrace millrace, Import args) {
        millrace.enqueue(IMPORT, args, o -> o.maxAttempts(3).retryPolicy(RetryPolicy.fixed(Duration.ofSeconds(10))));
    }

    void timeout(Millrace millrace, Import args) {
        millrace.enqueue(IMPORT, args, o -> o.timeout(Duration.ofMinutes(2)));
    }

    void importAll(RunningJob job, Import args) {
        for (int page = 0; !job.isCancelled(); page++) {
            if (source.read(args.url(), page).last()) {
                return;
            }
        }
        throw new IllegalStateException("stopped before the last page");
    }

    void completeIn(RunningJob job, Import args) throws Exception {
        job.inTransaction(connection -> {
            try (PreparedStatement insert =
                    connection.prepareStatement("INSERT INTO imported (customer, url) VALUES (?, ?)")) {
                insert.setLong(1, args.customer());
                insert.setString(2, args.url());
                insert.executeUpdate();
            }
            job.completeIn(connection);
            return true;
        });
    }

    Worker interceptors(Database database, Map<String, SecretKey> keys) {
        ArgsEncryption encryption = new ArgsEncryption(Set.of("import"), "2027", keys);
        return Worker.builder(database)
                .intercept(new LoggingContext())
                .intercept(encryption)
                .intercept((job, args, next) -> {
                    long began = System.nanoTime();
                    Result result = next.proceed(args);
                    LOG.info("took {} ms", (System.nanoTime() - began) / 1_000_000);
                    return result;
                })
                .handle(IMPORT, this::importAll)
                .build();
    }

    Millrace producer(Database database, Map<String, SecretKey> keys) {
        return Millrace.builder(database)
                .intercept(job -> job.withOptions(o -> o.metadata("{\"from\": \"shop\"}")))
                .intercept(new ArgsEncryption(Set.of("import"), "2027", keys))
                .connect();
    }

    Worker events(Database database, Consumer<String> pager) {
        return Worker.builder(database)
                .handle(IMPORT, this::importAll)
                .onJobEvent(event -> {
                    if (event instanceof JobEvent.Discarded discarded) {
                        pager.accept("job " + discarded.attempt().id() + " is discarded: " + discarded.error());
                    } else if (event instanceof JobEvent.Failed failed) {
                        LOG.info("job {} failed, next at {}", failed.attempt().id(), failed.next());
                    }
                })
                .build();
    }
}
