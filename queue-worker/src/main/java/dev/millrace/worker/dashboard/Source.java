package dev.millrace.worker.dashboard;

import dev.millrace.Millrace;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Faults;
import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import dev.millrace.error.MillraceException;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.ops.Jobs;
import dev.millrace.periodic.PeriodicJobs;
import dev.millrace.queue.QueueInfo;
import dev.millrace.queue.Queues;
import dev.millrace.worker.Worker;
import dev.millrace.worker.doctor.Doctor;
import dev.millrace.worker.doctor.Report;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;

/**
 * What pages know: the worker of this process, and its database over the worker's own connections. What several viewers look at is
 * asked for once. Thread-safe.
 */
final class Source {

    /** A little less than live pages ask in, so that each question of theirs has a new answer. */
    private static final Duration LIVE = Duration.ofMillis(1_500);

    private static final Duration SLOW = Duration.ofSeconds(15);

    private static final JacksonArgsCodec CODEC = new JacksonArgsCodec();

    private final Worker worker;
    private final Cached<List<QueueInfo>> queues = new Cached<>(LIVE, () -> queues().list());
    private final Cached<StateCounts> counts = new Cached<>(LIVE, () -> ask("count the jobs", this::count));
    private final Cached<List<WorkerRow>> workers = new Cached<>(LIVE, () -> ask("list the workers", WorkerRow::list));
    private final Cached<Report> report = new Cached<>(SLOW, this::examine);
    private final Cached<List<TableRow>> tables = new Cached<>(SLOW, () -> ask("list the tables", TableRow::list));

    Source(Worker worker) {
        this.worker = worker;
    }

    Worker worker() {
        return worker;
    }

    /** Name of the worker of this process; empty while it starts. */
    String workerId() {
        try {
            return worker.id();
        } catch (IllegalStateException notStarted) {
            return "";
        }
    }

    /** A question of a page's own to the database. */
    interface Question<T> {
        T ask(Connection connection, String schema) throws SQLException;
    }

    /** @throws MillraceException while the worker has not been started */
    Supervisor supervisor() {
        try {
            return worker.supervisor();
        } catch (IllegalStateException notStarted) {
            throw new MillraceException("The worker is starting: it is not connected yet", notStarted);
        }
    }

    Jobs jobs() {
        return new Jobs(supervisor(), CODEC, Millrace.DEFAULT_MAX_ARGS_BYTES);
    }

    Queues queues() {
        return new Queues(supervisor());
    }

    PeriodicJobs periodic() {
        return new PeriodicJobs(supervisor(), CODEC);
    }

    /** All queues as they were a second or two ago. */
    List<QueueInfo> queueList() {
        return queues.get();
    }

    /** How many jobs there are by state, as of a second or two ago. */
    StateCounts stateCounts() {
        return counts.get();
    }

    /** Settings of queues were changed. */
    void queuesChanged() {
        queues.forget();
    }

    List<WorkerRow> workerList() {
        return workers.get();
    }

    /** What the doctor finds, as it was some seconds ago. */
    Report report() {
        return report.get();
    }

    List<TableRow> tableList() {
        return tables.get();
    }

    private StateCounts count(Connection connection, String schema) throws SQLException {
        return supervisor().inTransaction(connection, settings -> StateCounts.read(settings, schema));
    }

    private Report examine() {
        Supervisor supervisor = supervisor();
        return Doctor.of(supervisor.database()).examine(supervisor);
    }

    private <T> T ask(String what, Question<T> question) {
        Supervisor supervisor = supervisor();
        String schema = supervisor.database().schema().quoted();
        SqlFunction<T> asking = connection -> question.ask(connection, schema);
        try {
            return supervisor.work(asking);
        } catch (SQLException failure) {
            String message = "Could not " + what + ": " + Faults.brief(failure);
            if (Faults.classify(failure, Faults.Phase.USE).losesConnection()) {
                throw DatabaseUnavailableException.during(supervisor, message, failure, false);
            }
            throw new MillraceException(message, failure);
        }
    }
}
