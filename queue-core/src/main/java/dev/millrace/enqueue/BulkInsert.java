package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
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

    /** Is told before and after each chunk, so that a bulk of any size fits into limits meant for one operation. */
    @FunctionalInterface
    interface Progress {
        void made(Connection connection, long firstId) throws SQLException;
    }

    private final String reserve;
    private final String copyAvailable;
    private final String copyDeferred;
    private final int maxArgsBytes;

    BulkInsert(SchemaName schema, int maxArgsBytes) {
        this.maxArgsBytes = maxArgsBytes;
        String s = schema.quoted();
        this.reserve = "SELECT nextval('" + s.replace("'", "''") + ".job_seq'), "
                + "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM generate_series(1, ?)";
        this.copyAvailable = "COPY " + s + ".job_available (" + CopyBuffer.COLUMNS + ") FROM STDIN (FORMAT binary)";
        this.copyDeferred = "COPY " + s + ".job_deferred (" + CopyBuffer.COLUMNS + ") FROM STDIN (FORMAT binary)";
    }

    /** Inserts all jobs, tells each id in order, and adds the queues that now have available jobs. */
    long insert(Connection connection, Iterator<NewJob> jobs, LongConsumer onId, Set<String> queues, Progress progress)
            throws SQLException {
        CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
        CopyBuffer available = new CopyBuffer();
        CopyBuffer deferred = new CopyBuffer();
        List<NewJob> chunk = new ArrayList<>();
        List<byte[]> args = new ArrayList<>();
        long total = 0;
        while (jobs.hasNext()) {
            chunk.clear();
            args.clear();
            for (int bytes = 0; chunk.size() < CHUNK_ROWS && bytes < CHUNK_BYTES && jobs.hasNext(); ) {
                NewJob job = jobs.next();
                byte[] json = job.checkedArgs(maxArgsBytes);
                chunk.add(job);
                args.add(json);
                bytes += json.length + sizeOf(job.options());
            }
            insertChunk(connection, copy, chunk, args, available, deferred, onId, queues, progress);
            total += chunk.size();
        }
        return total;
    }

    /** About what the options take up besides the arguments. */
    private static int sizeOf(EnqueueOptions options) {
        String metadata = options.metadata();
        int tags = options.tags().stream().mapToInt(String::length).sum();
        return tags + (metadata == null ? 0 : metadata.length());
    }

    private void insertChunk(
            Connection connection,
            CopyManager copy,
            List<NewJob> chunk,
            List<byte[]> args,
            CopyBuffer available,
            CopyBuffer deferred,
            LongConsumer onId,
            Set<String> queues,
            Progress progress)
            throws SQLException {
        available.begin();
        deferred.begin();
        long first = 0;
        try (PreparedStatement statement = connection.prepareStatement(reserve)) {
            statement.setInt(1, chunk.size());
            try (ResultSet row = statement.executeQuery()) {
                for (int i = 0; i < chunk.size(); i++) {
                    row.next();
                    long id = row.getLong(1);
                    first = i == 0 ? id : first;
                    add(id, row.getLong(2), chunk.get(i), args.get(i), available, deferred, queues);
                    onId.accept(id);
                }
            }
        }
        available.end();
        deferred.end();
        progress.made(connection, first);
        copyIn(copy, copyAvailable, available);
        copyIn(copy, copyDeferred, deferred);
        progress.made(connection, first);
    }

    private static void add(
            long id,
            long nowMicros,
            NewJob job,
            byte[] args,
            CopyBuffer available,
            CopyBuffer deferred,
            Set<String> queues) {
        EnqueueOptions options = job.options();
        long due = dueMicros(options, nowMicros);
        if (due > nowMicros) {
            deferred.row(id, job, args, false, due);
        } else {
            available.row(id, job, args, true, due);
            queues.add(options.queue());
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
