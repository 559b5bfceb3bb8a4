package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Rows of jobs in the binary format of COPY, a chunk of them as a bulk enqueue writes it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CopyBufferBenchmark {

    private static final int ROWS = 5_000;
    private static final long DUE_MICROS = 1_800_000_000_000_000L;

    private final CopyBuffer buffer = new CopyBuffer();
    private final NewJob job =
            new NewJob("send_email", "{\"pad\":\"" + "x".repeat(140) + "\"}", EnqueueOptions.DEFAULTS.queue("mail"));
    private final byte[] args = job.args().getBytes(StandardCharsets.UTF_8);
    private long id;

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public int row() {
        buffer.begin();
        for (int i = 0; i < ROWS; i++) {
            int place = buffer.row(job, args, true);
            buffer.set(place, id++, DUE_MICROS);
        }
        buffer.end();
        return buffer.length();
    }
}
