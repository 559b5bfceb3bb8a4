package dev.millrace.job;

import java.nio.charset.StandardCharsets;
import java.util.function.UnaryOperator;

/**
 * A job to be enqueued, its arguments already JSON.
 *
 * @param kind kind of the job
 * @param args arguments as the text of one JSON value
 * @param options how to enqueue it
 */
public record NewJob(String kind, String args, EnqueueOptions options) {

    public NewJob {
        JobType.requireKind(kind);
    }

    /** Encodes typed arguments. */
    public static <A> NewJob of(JobType<A> type, A args, EnqueueOptions options, ArgsCodec codec) {
        return new NewJob(type.kind(), codec.encode(args), options);
    }

    /** The same job with other arguments. */
    public NewJob withArgs(String json) {
        return new NewJob(kind, json, options);
    }

    /** The same job with options changed. */
    public NewJob withOptions(UnaryOperator<EnqueueOptions> change) {
        return new NewJob(kind, args, change.apply(options));
    }

    /**
     * The arguments as UTF-8, checked for what PostgreSQL would refuse or what would be too much.
     *
     * @throws ArgsException if larger than the limit, or with a NUL character, which {@code jsonb} can't hold
     */
    public byte[] checkedArgs(int maxBytes) {
        byte[] bytes = args.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > maxBytes) {
            throw new ArgsException(
                    "Arguments of a job of kind " + kind + " have " + bytes.length + " bytes, the limit is " + maxBytes
                            + ": store the data elsewhere and pass a reference, or raise the limit",
                    null);
        }
        requireNoNul(bytes);
        return bytes;
    }

    /** Looks for the escape {@code \}{@code u0000} that is not itself escaped. */
    private void requireNoNul(byte[] json) {
        for (int i = 0; i < json.length; i++) {
            if (json[i] == '\\') {
                if (i + 5 < json.length
                        && json[i + 1] == 'u'
                        && json[i + 2] == '0'
                        && json[i + 3] == '0'
                        && json[i + 4] == '0'
                        && json[i + 5] == '0') {
                    throw new ArgsException(
                            "Arguments of a job of kind " + kind
                                    + " contain a NUL character (\\u0000), which PostgreSQL can't store",
                            null);
                }
                i++;
            }
        }
    }
}
