package dev.millrace.ops;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** How an operation on all jobs that a filter matches is carried out. Immutable: each method returns a changed copy. */
public final class BulkOptions {

    /** All that match, 1,000 in a transaction. */
    public static final BulkOptions DEFAULTS = new BulkOptions(1_000, Long.MAX_VALUE, null);

    private static final int MAX_BATCH = 10_000;

    private final int batch;
    private final long limit;
    private final @Nullable Consumer<BulkResult<?>> progress;

    private BulkOptions(int batch, long limit, @Nullable Consumer<BulkResult<?>> progress) {
        this.batch = batch;
        this.limit = limit;
        this.progress = progress;
    }

    /**
     * Most jobs in one transaction; default 1,000. More is hardly faster, and locks them for longer.
     *
     * @throws IllegalArgumentException outside 1 to 10,000
     */
    public BulkOptions batch(int batch) {
        if (batch < 1 || batch > MAX_BATCH) {
            throw new IllegalArgumentException("Batch " + batch + " is out of range: 1 to " + MAX_BATCH);
        }
        return new BulkOptions(batch, limit, progress);
    }

    /**
     * Most jobs in all, those with the lowest ids; default all.
     *
     * @throws IllegalArgumentException below 1
     */
    public BulkOptions limit(long limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("Limit " + limit + " is out of range: 1 or more");
        }
        return new BulkOptions(batch, limit, progress);
    }

    /**
     * Is told after each committed batch what was done so far, on the thread of the caller; where few jobs match, also now and then
     * while none is found. What it throws ends the operation; what was done stays done.
     */
    public BulkOptions onProgress(Consumer<BulkResult<?>> progress) {
        return new BulkOptions(batch, limit, progress);
    }

    int batch() {
        return batch;
    }

    long limit() {
        return limit;
    }

    @Nullable Consumer<BulkResult<?>> progress() {
        return progress;
    }
}
