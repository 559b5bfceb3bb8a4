package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobTally;
import dev.millrace.job.NewJob;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;

/**
 * Inserts any number of jobs by {@code COPY}, in chunks that bound the memory, on a connection whose transaction belongs to
 * the caller. Ids are reserved before they are used, so they are known in the order of the jobs. Immutable.
 */
final class BulkInsert {

    private static final int CHUNK_ROWS = 5_000;
    private static final int CHUNK_BYTES = 4 << 20;
    private static final long SOON_MICROS = WakeUps.SOON.toNanos() / 1_000;

    /** Is told before and after each chunk, so that a bulk of any size fits into limits meant for one operation. */
    @FunctionalInterface
    interface Progress {
        /**
         * A chunk has been read, or written.
         *
         * @param inserted id of a job that was inserted, or 0
         */
        void made(Connection connection, long inserted) throws SQLException;
    }

    private final String reserve;
    private final String copyAvailable;
    private final String copyDeferred;
    private final int maxArgsBytes;
    private final UniqueInserts uniques;

    BulkInsert(SchemaName schema, int maxArgsBytes, UniqueInserts uniques) {
        this.maxArgsBytes = maxArgsBytes;
        this.uniques = uniques;
        String s = schema.quoted();
        this.reserve = "SELECT nextval('" + s.replace("'", "''") + ".job_seq'), "
                + "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM generate_series(1, ?)";
        this.copyAvailable = "COPY " + s + ".job_available (" + CopyBuffer.COLUMNS + ") FROM STDIN (FORMAT binary)";
        this.copyDeferred = "COPY " + s + ".job_deferred (" + CopyBuffer.COLUMNS + ") FROM STDIN (FORMAT binary)";
    }

    /**
     * Inserts all jobs, tells in order the id of each, or of the job that holds its unique key, and adds the words that are to be
     * told after the commit.
     *
     * @param inserted has each job that is inserted added to it
     */
    Void insert(
            Connection connection,
            Iterator<NewJob> jobs,
            LongConsumer onId,
            JobTally inserted,
            Set<String> words,
            Progress progress)
            throws SQLException {
        Chunk chunk = new Chunk(connection, words);
        while (jobs.hasNext()) {
            chunk.read(jobs);
            progress.made(connection, 0);
            chunk.insert(onId, inserted);
            progress.made(connection, chunk.firstInserted);
        }
        return null;
    }

    /** About what the options take up besides the arguments. */
    private static int sizeOf(EnqueueOptions options) {
        String metadata = options.metadata();
        int tags = options.tags().stream().mapToInt(String::length).sum();
        return tags + (metadata == null ? 0 : metadata.length());
    }

    /** What is read, then written, at once; reused. */
    private final class Chunk {

        private final Connection connection;
        private final CopyManager copy;
        private final Set<String> words;
        private final CopyBuffer available = new CopyBuffer();
        private final CopyBuffer deferred = new CopyBuffer();
        private final List<NewJob> jobs = new ArrayList<>();
        private final List<byte[]> args = new ArrayList<>();
        private final List<NewJob> unique = new ArrayList<>();
        private final List<Long> uniqueIds = new ArrayList<>();
        private long[] ids = new long[0];
        private long firstInserted;

        Chunk(Connection connection, Set<String> words) throws SQLException {
            this.connection = connection;
            this.copy = connection.unwrap(PGConnection.class).getCopyAPI();
            this.words = words;
        }

        void read(Iterator<NewJob> source) {
            jobs.clear();
            args.clear();
            for (int bytes = 0; jobs.size() < CHUNK_ROWS && bytes < CHUNK_BYTES && source.hasNext(); ) {
                NewJob job = source.next();
                byte[] json = job.checkedArgs(maxArgsBytes);
                jobs.add(job);
                args.add(json);
                bytes += json.length + sizeOf(job.options());
            }
        }

        void insert(LongConsumer onId, JobTally inserted) throws SQLException {
            fillBuffers();
            copyIn(copy, copyAvailable, available);
            copyIn(copy, copyDeferred, deferred);
            List<Enqueued> offered = unique.isEmpty() ? List.of() : uniques.offer(connection, unique, uniqueIds, false);
            int next = 0;
            firstInserted = 0;
            for (int i = 0; i < ids.length; i++) {
                NewJob job = jobs.get(i);
                Enqueued enqueued = job.options().unique() == null
                        ? new Enqueued(ids[i], Enqueued.Outcome.INSERTED)
                        : offered.get(next++);
                if (enqueued.isInserted()) {
                    inserted.add(job.options().queue(), job.kind(), 1);
                    firstInserted = firstInserted == 0 ? enqueued.id() : firstInserted;
                }
                onId.accept(enqueued.id());
            }
        }

        private void fillBuffers() throws SQLException {
            available.begin();
            deferred.begin();
            unique.clear();
            uniqueIds.clear();
            ids = new long[jobs.size()];
            try (PreparedStatement statement = connection.prepareStatement(reserve)) {
                statement.setInt(1, ids.length);
                try (ResultSet row = statement.executeQuery()) {
                    for (int i = 0; i < ids.length; i++) {
                        row.next();
                        ids[i] = row.getLong(1);
                        add(ids[i], row.getLong(2), jobs.get(i), args.get(i));
                    }
                }
            }
            available.end();
            deferred.end();
        }

        private void add(long id, long nowMicros, NewJob job, byte[] json) {
            EnqueueOptions options = job.options();
            long due = dueMicros(options, nowMicros);
            if (due <= nowMicros) {
                words.add(WakeUps.payload(options.queue()));
            } else if (due - nowMicros < SOON_MICROS) {
                words.add(WakeUps.DUE);
            }
            if (options.unique() != null) {
                unique.add(job);
                uniqueIds.add(id);
            } else if (due > nowMicros) {
                deferred.row(id, job, json, false, due);
            } else {
                available.row(id, job, json, true, due);
            }
        }
    }

    private static long dueMicros(EnqueueOptions options, long nowMicros) {
        Instant at = options.at();
        Duration in = options.in();
        if (at != null) {
            return CopyBuffer.micros(at);
        }
        return in == null ? nowMicros : nowMicros + in.toNanos() / 1_000;
    }

    private static void copyIn(CopyManager copy, String sql, CopyBuffer buffer) throws SQLException {
        if (buffer.rows() == 0) {
            return;
        }
        CopyIn in = copy.copyIn(sql);
        try {
            in.writeToCopy(buffer.bytes(), 0, buffer.length());
            in.endCopy();
        } finally {
            if (in.isActive()) {
                in.cancelCopy();
            }
        }
    }
}
