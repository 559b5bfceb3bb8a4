package dev.millrace.worker.cli;

import dev.millrace.error.MillraceException;
import dev.millrace.job.NewJob;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Jobs from lines of JSON, read in chunks by a thread of their own, one chunk ahead: so a producer that pauses is told apart
 * from a database that does, and is not waited for with a transaction open. A bad line is named by its number. Used by one
 * thread.
 */
final class JobLines implements Iterator<NewJob>, AutoCloseable {

    /** The chunks of the bulk insert. */
    private static final int CHUNK_ROWS = 5_000;

    private static final int CHUNK_BYTES = 4 << 20;
    private static final int ROOM_BESIDES_ARGS = 1 << 20;

    private final BlockingQueue<Chunk> chunks = new ArrayBlockingQueue<>(1);
    private final ByteLines lines;
    private final int maxArgsBytes;
    private final Duration patience;
    private final Thread reader;
    private Chunk current = new Chunk(List.of(), 0, 0, null, false);
    private int taken;

    /**
     * Begins to read.
     *
     * @param patience how long to wait for a chunk after the first
     */
    JobLines(InputStream in, int maxArgsBytes, Duration patience) {
        this.lines = new ByteLines(in, (long) maxArgsBytes + ROOM_BESIDES_ARGS);
        this.maxArgsBytes = maxArgsBytes;
        this.patience = patience;
        this.reader = new Thread(this::read, "enqueue-stdin");
        this.reader.setDaemon(true);
        this.reader.start();
    }

    /** Waits for the first chunk however long it takes: no transaction is open yet. */
    void awaitFirst() throws InterruptedException {
        take(chunks.take());
    }

    @Override
    public boolean hasNext() {
        while (taken == current.jobs.size() && !current.last) {
            take(awaitChunk());
        }
        return taken < current.jobs.size();
    }

    @Override
    public NewJob next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return current.jobs.get(taken++);
    }

    /** The lines that the jobs taken last came from. */
    String range() {
        return "Lines " + current.firstLine + " to " + current.lastLine;
    }

    @Override
    public void close() {
        reader.interrupt();
    }

    private void take(Chunk chunk) {
        if (chunk.failure != null) {
            throw chunk.failure;
        }
        current = chunk;
        taken = 0;
    }

    private Chunk awaitChunk() {
        try {
            Chunk chunk = chunks.poll(patience.toNanos(), TimeUnit.NANOSECONDS);
            if (chunk == null) {
                throw new MillraceException("Standard input is too slow after line " + current.lastLine
                        + ", nothing was enqueued: the next " + CHUNK_ROWS + " lines took more than "
                        + patience.toSeconds()
                        + " s, and a transaction can't wait; collect the lines in a file first");
            }
            return chunk;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new MillraceException("Reading standard input was interrupted, nothing was enqueued", interrupted);
        }
    }

    private void read() {
        try {
            boolean last = false;
            while (!last) {
                Chunk chunk = readChunk();
                chunks.put(chunk);
                last = chunk.last;
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        }
    }

    private Chunk readChunk() {
        List<NewJob> jobs = new ArrayList<>();
        long firstLine = 0;
        long lastLine = 0;
        long bytes = 0;
        try {
            while (jobs.size() < CHUNK_ROWS && bytes < CHUNK_BYTES) {
                String line = lines.next();
                if (line == null) {
                    return new Chunk(jobs, firstLine, lastLine, null, true);
                }
                if (line.isBlank()) {
                    continue;
                }
                NewJob job = JobLine.parse(lines.number(), line, maxArgsBytes);
                firstLine = jobs.isEmpty() ? lines.number() : firstLine;
                lastLine = lines.number();
                jobs.add(job);
                bytes += job.args().getBytes(StandardCharsets.UTF_8).length;
            }
            return new Chunk(jobs, firstLine, lastLine, null, false);
        } catch (IOException failure) {
            return failed(new MillraceException(
                    "Standard input can't be read after line " + lines.number() + ", nothing was enqueued: "
                            + failure.getMessage(),
                    failure));
        } catch (RuntimeException failure) {
            return failed(failure);
        }
    }

    private static Chunk failed(RuntimeException failure) {
        return new Chunk(List.of(), 0, 0, failure, true);
    }

    /**
     * What was read at once.
     *
     * @param failure ends the input in place of jobs
     */
    private record Chunk(
            List<NewJob> jobs,
            long firstLine,
            long lastLine,
            @Nullable RuntimeException failure,
            boolean last) {}
}
