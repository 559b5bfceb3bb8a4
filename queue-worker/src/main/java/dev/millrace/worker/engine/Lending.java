package dev.millrace.worker.engine;

import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Lends connections of the pool to handlers, always fewer than there are: however many handlers hold one, the engine can still
 * claim and complete. A connection that is not given back in time is taken away. Thread-safe.
 */
final class Lending {

    /** To claim and to complete; halves of a claim then wait for each other. */
    private static final int RESERVED_FOR_ENGINE = 2;

    /** What a handler gets beyond its job's timeout, to notice that it is over. */
    private static final Duration LEAK_MARGIN = Duration.ofSeconds(5);
    /** For a job without a timeout. */
    private static final Duration MOST = Duration.ofHours(1);

    private final Supervisor supervisor;
    private final Semaphore permits;

    Lending(Supervisor supervisor) {
        this.supervisor = supervisor;
        this.permits = new Semaphore(Math.max(1, supervisor.database().poolSize() - RESERVED_FOR_ENGINE), true);
    }

    <T> T inTransaction(@Nullable Duration jobTimeout, SqlFunction<T> work) throws SQLException, InterruptedException {
        Duration limit = jobTimeout == null ? MOST : jobTimeout.plus(LEAK_MARGIN);
        if (!permits.tryAcquire(limit.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new SQLTransientConnectionException(
                    "Other handlers hold all connections that may be lent: give them back sooner, or make the pool larger");
        }
        try {
            return supervisor.lend(
                    limit,
                    connection -> supervisor.inTransaction(connection, same -> {
                        try (Statement limits = same.createStatement()) {
                            // The engine's limit for its own short statements is not meant for the handler's.
                            limits.execute("SET LOCAL statement_timeout = 0");
                        }
                        return work.apply(same);
                    }));
        } finally {
            permits.release();
        }
    }
}
