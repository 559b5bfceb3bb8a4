package dev.millrace.examples;

import dev.millrace.job.JobType;
import java.util.Objects;

/** The kinds that {@link ExampleHandlers} can run, with the types of their arguments. */
public final class ExampleJobs {

    /** Does nothing. */
    public static final JobType<Noop> NOOP = JobType.of("noop", Noop.class);

    /** Waits. */
    public static final JobType<Sleep> SLEEP = JobType.of("sleep", Sleep.class);

    /** Fails in its first attempts, then succeeds. */
    public static final JobType<Flaky> FLAKY = JobType.of("flaky", Flaky.class);

    /** Fails in every attempt. */
    public static final JobType<Fail> FAIL = JobType.of("fail", Fail.class);

    /** Reads a file; its output is a {@link FileDigest}. */
    public static final JobType<Checksum> CHECKSUM = JobType.of("checksum", Checksum.class);

    /** Moves money between two rows of the table {@code example_account}, exactly once. */
    public static final JobType<Transfer> TRANSFER = JobType.of("transfer", Transfer.class);

    private ExampleJobs() {}

    /** Arguments of {@link #NOOP}. */
    public record Noop() {}

    /**
     * Arguments of {@link #SLEEP}.
     *
     * @param millis how long, in milliseconds
     */
    public record Sleep(long millis) {
        public Sleep {
            if (millis < 0) {
                throw new IllegalArgumentException("Millis " + millis + " is out of range: 0 or more");
            }
        }
    }

    /**
     * Arguments of {@link #FLAKY}.
     *
     * @param failures number of attempts that fail
     */
    public record Flaky(int failures) {}

    /** Arguments of {@link #FAIL}. */
    public record Fail() {}

    /**
     * Arguments of {@link #CHECKSUM}.
     *
     * @param path of a file that the worker can read
     */
    public record Checksum(String path) {
        public Checksum {
            Objects.requireNonNull(path, "path");
        }
    }

    /**
     * Output of {@link #CHECKSUM}.
     *
     * @param size in bytes
     * @param sha256 in hexadecimal
     */
    public record FileDigest(long size, String sha256) {}

    /**
     * Arguments of {@link #TRANSFER}.
     *
     * @param from account that pays
     * @param to account that is paid
     * @param amount what is moved; a balance may become negative
     */
    public record Transfer(String from, String to, long amount) {
        public Transfer {
            Objects.requireNonNull(from, "from");
            Objects.requireNonNull(to, "to");
        }
    }
}
