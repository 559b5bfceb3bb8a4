package dev.millrace.worker.engine;

import dev.millrace.job.ArgsCodec;
import dev.millrace.worker.handler.OutputTooLargeException;
import java.nio.charset.StandardCharsets;

/** Writes outputs as JSON that PostgreSQL can store and that is not too large. Immutable. */
final class Outputs {

    private final ArgsCodec codec;
    private final int maxBytes;

    Outputs(ArgsCodec codec, int maxBytes) {
        this.codec = codec;
        this.maxBytes = maxBytes;
    }

    /**
     * The output of a job as JSON.
     *
     * @throws OutputTooLargeException if it has more bytes than allowed
     */
    String json(LeasedJob job, Object output) {
        String json = Storable.json(codec.encode(output));
        // Three bytes at most for each unit: most outputs need not be counted.
        if (json.length() > maxBytes / 3) {
            int bytes = json.getBytes(StandardCharsets.UTF_8).length;
            if (bytes > maxBytes) {
                throw new OutputTooLargeException(job.id(), bytes, maxBytes);
            }
        }
        return json;
    }
}
