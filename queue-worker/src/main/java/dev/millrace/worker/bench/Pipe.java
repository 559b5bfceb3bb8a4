package dev.millrace.worker.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;

/** What the benchmark and its processes say to each other: one JSON object a line. Safe for one reader and many writers. */
final class Pipe {

    /** The bits of fifty million jobs are more than Jackson takes from strangers. */
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .build())
            .build();

    enum What {
        /** Work on the queue until told otherwise. */
        WORK,
        /** Write what runs, then tell all. */
        STOP,
        /** Enqueue one job. */
        ENQUEUE
    }

    /**
     * To a process.
     *
     * @param n upper bound of the numbers of jobs to work on; number of the job to enqueue
     */
    record Order(What what, String queue, int n, int slots, int argsBytes) {}

    /**
     * From a process.
     *
     * @param ready whether an order to work, or to enqueue, is carried out
     * @param ran jobs that have run
     * @param tally answers {@link What#STOP}
     */
    record Report(boolean ready, long ran, @Nullable Tally tally) {}

    private final BufferedReader in;
    private final PrintWriter out;

    Pipe(InputStream in, OutputStream out) {
        this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        this.out = new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
    }

    /** Returns the next one, or null at the end. */
    <T> @Nullable T read(Class<T> type) throws IOException {
        String line = in.readLine();
        return line == null ? null : JSON.readValue(line, type);
    }

    synchronized void write(Object message) {
        out.println(JSON.writeValueAsString(message));
        out.flush();
    }
}
