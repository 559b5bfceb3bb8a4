package dev.millrace.worker.engine;

import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.Semaphore;

/**
 * Lends connections of the pool to handlers, always fewer than there are: however many handlers hold one, the engine can still
 * claim and complete. Thread-safe.
 */
final class Lending {

    private static final int RESERVED_FOR_ENGINE = 2;

    private final Supervisor supervisor;
    private final Semaphore permits;

    Lending(Supervisor supervisor) {
        this.supervisor = supervisor;
        this.permits = new Semaphore(Math.max(1, supervisor.database().poolSize() - RESERVED_FOR_ENGINE), true);
    }

    <T> T inTransaction(SqlFunction<T> work) throws SQLException, InterruptedException {
        permits.acquire();
        try {
            return supervisor.lend(connection -> Supervisor.inTransaction(connection, same -> {
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
