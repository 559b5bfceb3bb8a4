package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/** A producer and workers on an emptied database, and what they warn of, for one test. */
final class WorkerRig {

    record Number(int n) {}

    static final JobType<Number> NUMBER = JobType.of("number", Number.class);
    static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Warnings warnings = new Warnings();
    private final Millrace millrace;

    WorkerRig(TestDatabase database) {
        this.database = database;
        database.execute("TRUNCATE job, queue, worker, leader, unique_key");
        millrace = open(Millrace.connect(Database.of(database.url())));
        warnings.start();
        root().addAppender(warnings);
    }

    Millrace millrace() {
        return millrace;
    }

    /** Closes it at the end, the last one opened first. */
    <T extends AutoCloseable> T open(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    Worker.Builder worker() {
        return Worker.builder(Database.of(database.url())).grace(Duration.ofSeconds(5));
    }

    Worker start(Worker.Builder builder) {
        Worker worker = open(builder.build());
        worker.start();
        return worker;
    }

    long enqueue(int n) {
        return millrace.enqueue(NUMBER, new Number(n));
    }

    void awaitState(String state, long count) {
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(database.queryLong("SELECT count(*) FROM job WHERE state = ?", state))
                        .isEqualTo(count));
    }

    /** A field of the only job's only error. */
    String error(String field) {
        assertThat(database.queryLong("SELECT jsonb_array_length(errors) FROM job"))
                .isEqualTo(1);
        return String.valueOf(database.queryString("SELECT errors->0->>? FROM job", field));
    }

    /** What was logged at WARN so far and contains a text. */
    List<String> warnings(String text) {
        return warnings.lines.stream().filter(line -> line.contains(text)).toList();
    }

    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
        root().detachAppender(warnings);
    }

    private static Logger root() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    private static final class Warnings extends AppenderBase<ILoggingEvent> {

        private final List<String> lines = new CopyOnWriteArrayList<>();

        @Override
        protected void append(ILoggingEvent event) {
            if (event.getLevel().isGreaterOrEqual(Level.WARN)) {
                lines.add(event.getFormattedMessage());
            }
        }
    }
}
