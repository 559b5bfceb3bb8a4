package dev.millrace.examples.docs;

import dev.millrace.testing.TestDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jobrunr.storage.sql.postgres.PostgresStorageProvider;
import org.quartz.Scheduler;

/** The tables of the queues that docs/migrate-from.md moves jobs from, in the schema {@code public}. */
final class PeerTables {

    private PeerTables() {}

    static void create(TestDatabase database) {
        try (PostgresStorageProvider jobRunr = new PostgresStorageProvider(database.dataSource())) {
            Objects.requireNonNull(jobRunr.getJobStats());
        }
        database.execute("SET search_path TO public;" + quartz());
        // River has its tables by migrations in Go, db-scheduler by what its manual says: here is what is read of them.
        database.execute("""
                SET search_path TO public;
                DROP TABLE IF EXISTS scheduled_tasks, river_job;
                DROP TYPE IF EXISTS river_job_state;
                CREATE TABLE scheduled_tasks (
                    task_name text NOT NULL, task_instance text NOT NULL, task_data bytea, execution_time timestamptz NOT NULL,
                    picked boolean NOT NULL, picked_by text, last_success timestamptz, last_failure timestamptz,
                    consecutive_failures int, last_heartbeat timestamptz, version bigint NOT NULL, priority smallint,
                    PRIMARY KEY (task_name, task_instance));
                CREATE TYPE river_job_state AS ENUM (
                    'available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
                CREATE TABLE river_job (
                    id bigserial PRIMARY KEY, state river_job_state NOT NULL DEFAULT 'available',
                    attempt smallint NOT NULL DEFAULT 0, max_attempts smallint NOT NULL DEFAULT 25, attempted_at timestamptz,
                    created_at timestamptz NOT NULL DEFAULT now(), finalized_at timestamptz,
                    scheduled_at timestamptz NOT NULL DEFAULT now(), priority smallint NOT NULL DEFAULT 1,
                    args jsonb NOT NULL, attempted_by text[], errors jsonb[], kind text NOT NULL,
                    metadata jsonb NOT NULL DEFAULT '{}', queue text NOT NULL DEFAULT 'default',
                    tags varchar(255)[] NOT NULL DEFAULT '{}', unique_key bytea, unique_states bit(8));
                """);
    }

    private static String quartz() {
        try (InputStream script =
                Scheduler.class.getResourceAsStream("/org/quartz/impl/jdbcjobstore/tables_postgres.sql")) {
            return new String(Objects.requireNonNull(script).readAllBytes(), StandardCharsets.UTF_8)
                    .replaceAll("(?i)\\bCOMMIT;", "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
