package dev.millrace.worker.engine;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.GuardedMeter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What gathering outcomes costs the handlers' threads; nothing is written, and no database is needed. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CompleterBenchmark {

    private static final int JOBS = 5_000;

    private final LeasedJob job = new LeasedJob(
            1,
            1,
            "mail",
            "send_email",
            "{}",
            2,
            1,
            25,
            Instant.EPOCH,
            Instant.EPOCH,
            List.of(),
            null,
            null,
            null,
            Duration.ZERO);
    private Supervisor supervisor;
    private Completer completer;

    /** It never comes up: nobody listens there. */
    @Setup
    public void connect() {
        supervisor = Supervisor.start(Database.of("jdbc:postgresql://localhost:1/none"));
    }

    @Setup(Level.Invocation)
    public void begin() {
        completer = new Completer(
                supervisor,
                new JobTable(supervisor.database().schema()),
                new Leases(),
                new AttemptError("benchmark"),
                new JobEvents(supervisor, "benchmark", null, new GuardedMeter(null)),
                new Activity(),
                () -> {});
    }

    @Benchmark
    @OperationsPerInvocation(JOBS)
    public void submit() {
        for (int i = 0; i < JOBS; i++) {
            completer.submit(new Outcome.Finalize(job, "completed", null, null));
        }
    }

    @TearDown
    public void close() {
        supervisor.close();
    }
}
