package dev.millrace.job;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Arguments of 150 bytes to JSON and back. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CodecBenchmark {

    /** Of usual shape. */
    public record Email(String to, String subject, int account, boolean urgent, String pad) {}

    private static final int MAX_BYTES = 1 << 20;

    private final ArgsCodec codec = new JacksonArgsCodec();
    private final Email email = new Email("someone@example.com", "Your invoice", 4_711, false, "x".repeat(58));
    private final String json = codec.encode(email);
    private final NewJob job = new NewJob("send_email", json, EnqueueOptions.DEFAULTS);

    @Benchmark
    public String encode() {
        return codec.encode(email);
    }

    @Benchmark
    public Object decode() {
        return codec.decode(json, Email.class);
    }

    /** To UTF-8, looked through for what PostgreSQL refuses. */
    @Benchmark
    public byte[] checkedArgs() {
        return job.checkedArgs(MAX_BYTES);
    }
}
