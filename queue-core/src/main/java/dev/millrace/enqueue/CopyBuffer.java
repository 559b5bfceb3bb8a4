package dev.millrace.enqueue;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetrySchedule;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rows in the binary format of {@code COPY} (PostgreSQL documentation, "COPY", Binary Format): no escaping, no parsing of
 * numbers. What a row needs of the database, its id and its time, may be set after it was written. Reused from chunk to chunk; not
 * thread-safe.
 */
final class CopyBuffer {

    static final String COLUMNS =
            "id, run_order, scheduled_at, queue, kind, args, priority, max_attempts, timeout, tags, metadata, retry_policy,"
                    + " state";

    private static final short FIELDS = 13;
    private static final byte[] SIGNATURE = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xff, '\r', '\n', 0};
    private static final byte[] AVAILABLE = "available".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SCHEDULED = "scheduled".getBytes(StandardCharsets.US_ASCII);
    /** Microseconds from 1970 to 2000, where PostgreSQL's time begins. */
    private static final long EPOCH_MICROS = 946_684_800_000_000L;

    private static final int OID_TEXT = 25;

    private byte[] bytes = new byte[1 << 16];
    private int length;
    private int rows;

    void begin() {
        length = 0;
        rows = 0;
        put(SIGNATURE);
        putInt(0);
        putInt(0);
    }

    /** Writes a row whose id and time are 0 until they are set; returns where it is. */
    int row(NewJob job, byte[] args, boolean available) {
        EnqueueOptions options = job.options();
        int place = length;
        rows++;
        putShort(FIELDS);
        putLongField(0);
        putLongField(0);
        putLongField(0);
        putText(options.queue());
        putText(job.kind());
        putJsonb(args);
        putShortField(options.priority());
        putShortField(options.maxAttempts());
        putInterval(options.timeout());
        putTexts(options.tags());
        String metadata = options.metadata();
        if (metadata == null) {
            putInt(-1);
        } else {
            putJsonb(metadata.getBytes(StandardCharsets.UTF_8));
        }
        RetrySchedule retryPolicy = options.retryPolicy();
        if (retryPolicy == null) {
            putInt(-1);
        } else {
            putText(retryPolicy.text());
        }
        putBytesField(available ? AVAILABLE : SCHEDULED);
        return place;
    }

    /** Sets what {@link #row} left open: id and run order, and when the job is due. */
    void set(int place, long id, long scheduledAtMicros) {
        int end = length;
        length = place + Short.BYTES;
        putLongField(id);
        putLongField(id);
        putLongField(scheduledAtMicros - EPOCH_MICROS);
        length = end;
    }

    void end() {
        putShort((short) -1);
    }

    int rows() {
        return rows;
    }

    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }

    static long micros(Instant moment) {
        return Math.addExact(Math.multiplyExact(moment.getEpochSecond(), 1_000_000L), moment.getNano() / 1_000);
    }

    private void putJsonb(byte[] json) {
        putInt(json.length + 1);
        room(1);
        bytes[length++] = 1;
        put(json);
    }

    private void putInterval(@Nullable Duration duration) {
        if (duration == null) {
            putInt(-1);
            return;
        }
        putInt(16);
        putLong(duration.toNanos() / 1_000);
        putInt(0);
        putInt(0);
    }

    private void putTexts(List<String> values) {
        if (values.isEmpty()) {
            putInt(-1);
            return;
        }
        int lengthAt = length;
        putInt(0);
        putInt(1);
        putInt(0);
        putInt(OID_TEXT);
        putInt(values.size());
        putInt(1);
        values.forEach(this::putText);
        int end = length;
        length = lengthAt;
        putInt(end - lengthAt - 4);
        length = end;
    }

    private void putText(String value) {
        putBytesField(value.getBytes(StandardCharsets.UTF_8));
    }

    private void putBytesField(byte[] value) {
        putInt(value.length);
        put(value);
    }

    private void putShortField(int value) {
        putInt(2);
        putShort((short) value);
    }

    private void putLongField(long value) {
        putInt(8);
        putLong(value);
    }

    private void put(byte[] value) {
        room(value.length);
        System.arraycopy(value, 0, bytes, length, value.length);
        length += value.length;
    }

    private void putShort(short value) {
        room(2);
        bytes[length++] = (byte) (value >> 8);
        bytes[length++] = (byte) value;
    }

    private void putInt(int value) {
        room(4);
        bytes[length++] = (byte) (value >> 24);
        bytes[length++] = (byte) (value >> 16);
        bytes[length++] = (byte) (value >> 8);
        bytes[length++] = (byte) value;
    }

    private void putLong(long value) {
        putInt((int) (value >> 32));
        putInt((int) value);
    }

    private void room(int more) {
        if (bytes.length - length < more) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
        }
    }
}
