package dev.millrace.ops;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What an operation on many jobs came to. Immutable.
 *
 * @param counts jobs by outcome, in the order of the enum; outcomes that did not occur are left out
 * @param lastId highest id up to which jobs were looked at, whether they matched or not; where an operation broke off, {@link JobFilter#idFrom} of the next id goes on there
 * @param <O> {@link CancelOutcome}, {@link RetryOutcome}, {@link DeleteOutcome} or {@link EditOutcome}
 */
public record BulkResult<O extends Enum<O>>(Map<O, Long> counts, long lastId) {

    public BulkResult {
        counts = Collections.unmodifiableMap(new LinkedHashMap<>(counts));
    }

    /** Jobs of one outcome. */
    public long count(O outcome) {
        return counts.getOrDefault(outcome, 0L);
    }

    /** Jobs in all. */
    public long jobs() {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }
}
