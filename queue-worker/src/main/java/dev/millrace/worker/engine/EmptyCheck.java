package dev.millrace.worker.engine;

import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/** Finds out when there is nothing more to do in some queues for some kinds. */
final class EmptyCheck implements AutoCloseable {

    private static final Duration INTERVAL = Duration.ofMillis(200);

    private final Supervisor supervisor;
    private final String sql;
    private final String[] queues;
    private final String[] kinds;
    private final BooleanSupplier idle;
    private final SupervisedLoop loop;
    private final CountDownLatch empty = new CountDownLatch(1);
    private final AtomicBoolean started = new AtomicBoolean();

    EmptyCheck(
            Supervisor supervisor, SchemaName schema, Collection<String> queues, String[] kinds, BooleanSupplier idle) {
        this.supervisor = supervisor;
        this.queues = queues.toArray(new String[0]);
        this.kinds = kinds;
        this.idle = idle;
        this.loop = new SupervisedLoop("empty-check-" + supervisor.database().instance(), supervisor, this::look);
        this.sql = """
                SELECT EXISTS (SELECT FROM %1$s.job_available AS j WHERE j.queue = ANY (?) AND j.kind = ANY (?))
                    OR EXISTS (SELECT FROM %1$s.job_running AS j WHERE j.queue = ANY (?) AND j.kind = ANY (?))
                    OR EXISTS (SELECT FROM %1$s.job_deferred AS j WHERE j.queue = ANY (?) AND j.kind = ANY (?)
                        AND j.state IN ('scheduled', 'retryable')
                        AND j.scheduled_at <= now() + CASE WHEN j.state = 'retryable' THEN interval '1 minute' ELSE interval '0' END)
                """.formatted(schema.quoted());
    }

    void await() throws InterruptedException {
        if (started.compareAndSet(false, true)) {
            loop.start();
        }
        empty.await();
    }

    private Duration look() throws SQLException {
        if (idle.getAsBoolean() && !supervisor.work(this::hasMore) && idle.getAsBoolean()) {
            empty.countDown();
            loop.stop();
        }
        return INTERVAL;
    }

    private boolean hasMore(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 1; i <= 6; i += 2) {
                statement.setArray(i, connection.createArrayOf("text", queues));
                statement.setArray(i + 1, connection.createArrayOf("text", kinds));
            }
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getBoolean(1);
            }
        }
    }

    @Override
    public void close() {
        loop.stop();
        empty.countDown();
    }
}
