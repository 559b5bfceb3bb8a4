package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobTally;
import dev.millrace.job.NewJob;
import dev.millrace.migrations.SchemaName;
import java.sql.Array;
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
import org.jspecify.annotations.Nullable;
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
    /** A source that has given so many jobs in so little time is read on while the database writes them. */
    private static final int QUICK_ROWS = 500;

    private static final long QUICK_NANOS = Duration.ofMillis(500).toNanos();
    private static final byte[] NONE = {};
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
        // They are nearly always in a row; then none but the first needs to be sent.
        this.reserve = "SELECT min(id), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, "
                + "CASE WHEN max(id) - min(id) >= count(*) THEN array_agg(id) END "
                + "FROM (SELECT nextval('" + s.replace("'", "''")
                + ".job_seq') AS id FROM generate_series(1, ?)) AS reserved";
        this.copyAvailable = "COPY " + s + ".job_available (" + CopyBuffer.COLUMNS + ") FROM STDIN (FORMAT binary)";
        this.copyDeferred = "COPY " + s + ".job_deferred (" + CopyBuffer.COLUMNS + ") FROM STDIN (FORMAT binary)";
    }

    /**
     * Inserts all jobs, tells in order the id of each, or of the job that holds its unique key, and adds the words that are to be
     * told after the commit.
     *
     * @param aheadOfServer whether the next jobs are read while the database writes those before; not where their source may use the
     *     same connection
     * @param inserted has each job that is inserted added to it
     */
    Void insert(
            Connection connection,
            Iterator<NewJob> jobs,
            boolean aheadOfServer,
            LongConsumer onId,
            JobTally inserted,
            Set<String> words,
            Progress progress)
            throws SQLException {
        Chunk chunk = new Chunk(connection, words);
        Chunk next = new Chunk(connection, words);
        chunk.read(jobs, Long.MAX_VALUE);
        while (!chunk.isEmpty()) {
            progress.made(connection, 0);
            CopyIn copying = chunk.begin();
            try {
                if (aheadOfServer && chunk.wasQuick()) {
                    next.read(jobs, QUICK_NANOS);
                }
                chunk.end(copying);
            } finally {
                if (copying.isActive()) {
                    copying.cancelCopy();
                }
            }
            chunk.tell(onId, inserted);
            progress.made(connection, chunk.firstInserted);
            next.read(jobs, Long.MAX_VALUE);
            Chunk written = chunk;
            chunk = next;
            next = written;
            next.clear();
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
        /** By job: where its row is among the available ones; -1 for those that wait for the database's clock, or for their key. */
        private int[] places = new int[CHUNK_ROWS];

        private final List<byte[]> args = new ArrayList<>();
        private final List<NewJob> unique = new ArrayList<>();
        private final List<Long> uniqueIds = new ArrayList<>();
        private List<Enqueued> offered = List.of();
        private long[] ids = new long[0];
        private @Nullable String toldOf;
        private int bytes;
        private long readNanos;
        private long firstInserted;

        Chunk(Connection connection, Set<String> words) throws SQLException {
            this.connection = connection;
            this.copy = connection.unwrap(PGConnection.class).getCopyAPI();
            this.words = words;
            clear();
        }

        boolean isEmpty() {
            return jobs.isEmpty();
        }

        /** Whether there were many jobs at once: then the next ones will not keep an open {@code COPY} waiting. */
        boolean wasQuick() {
            return jobs.size() > QUICK_ROWS && readNanos < QUICK_NANOS;
        }

        void clear() {
            jobs.clear();
            args.clear();
            unique.clear();
            uniqueIds.clear();
            available.begin();
            deferred.begin();
            bytes = 0;
            readNanos = 0;
        }

        /** Reads until it is full, or the time is over; what is read already stays. */
        void read(Iterator<NewJob> source, long limitNanos) {
            long began = System.nanoTime();
            while (jobs.size() < CHUNK_ROWS
                    && bytes < CHUNK_BYTES
                    && System.nanoTime() - began < limitNanos
                    && source.hasNext()) {
                NewJob job = source.next();
                byte[] json = job.checkedArgs(maxArgsBytes);
                boolean atOnce =
                        job.options().unique() == null && !job.options().isDeferred();
                places[jobs.size()] = atOnce ? available.row(job, json, true) : -1;
                jobs.add(job);
                args.add(atOnce ? NONE : json);
                bytes += json.length + sizeOf(job.options());
            }
            readNanos += System.nanoTime() - began;
        }

        /** Sends what is due at once; the database writes it meanwhile. */
        CopyIn begin() throws SQLException {
            reserveIds();
            available.end();
            CopyIn copying = copy.copyIn(copyAvailable);
            copying.writeToCopy(available.bytes(), 0, available.length());
            copying.flushCopy();
            return copying;
        }

        /** Waits for it, and writes what is due later or unique. */
        void end(CopyIn copying) throws SQLException {
            copying.endCopy();
            deferred.end();
            if (deferred.rows() > 0) {
                CopyIn later = copy.copyIn(copyDeferred);
                try {
                    later.writeToCopy(deferred.bytes(), 0, deferred.length());
                    later.endCopy();
                } finally {
                    if (later.isActive()) {
                        later.cancelCopy();
                    }
                }
            }
            offered = unique.isEmpty() ? List.of() : uniques.offer(connection, unique, uniqueIds, false);
        }

        void tell(LongConsumer onId, JobTally inserted) {
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

        private void reserveIds() throws SQLException {
            ids = new long[jobs.size()];
            try (PreparedStatement statement = connection.prepareStatement(reserve)) {
                statement.setInt(1, ids.length);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    long first = row.getLong(1);
                    long nowMicros = row.getLong(2);
                    Array scattered = row.getArray(3);
                    Long[] each = scattered == null ? null : (Long[]) scattered.getArray();
                    for (int i = 0; i < ids.length; i++) {
                        ids[i] = each == null ? first + i : each[i];
                        place(i, nowMicros);
                    }
                }
            }
        }

        private void place(int index, long nowMicros) {
            NewJob job = jobs.get(index);
            EnqueueOptions options = job.options();
            if (places[index] >= 0) {
                available.set(places[index], ids[index], nowMicros);
                if (!options.queue().equals(toldOf)) {
                    toldOf = options.queue();
                    words.add(WakeUps.payload(toldOf));
                }
                return;
            }
            long due = dueMicros(options, nowMicros);
            boolean isDue = due <= nowMicros;
            if (isDue || due - nowMicros < SOON_MICROS) {
                words.add(isDue ? WakeUps.payload(options.queue()) : WakeUps.DUE);
            }
            if (options.unique() != null) {
                unique.add(job);
                uniqueIds.add(ids[index]);
            } else {
                CopyBuffer buffer = isDue ? available : deferred;
                buffer.set(buffer.row(job, args.get(index), isDue), ids[index], due);
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
}
