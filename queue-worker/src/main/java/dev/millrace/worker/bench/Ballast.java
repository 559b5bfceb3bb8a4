package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;

/** Rows of other queues that are there beforehand, to show that they cost nothing; made by the server, a million at a time. */
final class Ballast {

    private static final int CHUNK = 1_000_000;

    private final Database database;
    private final String pad;
    private final Progress progress;

    Ballast(Database database, String pad, Progress progress) {
        this.database = database;
        this.pad = pad;
        this.progress = progress;
    }

    void load(Conditions conditions) throws SQLException {
        String schema = database.schema().quoted();
        try (Connection connection = Sessions.open(database);
                Statement statement = connection.createStatement()) {
            if (conditions.running() > 0) {
                statement.execute("INSERT INTO " + schema
                        + ".worker (id, lease_expires_at) VALUES ('ballast', now() + interval '1 day')");
            }
            // All in the partition of today, to which completions are added.
            generate(connection, "generating history", conditions.history(), """
                    INSERT INTO %s.job_finalized
                        (state, kind, queue, args, attempt, attempted_at, attempted_by, finalized_at)
                    SELECT 'completed', 'ballast', 'ballast', jsonb_build_object('n', n, 'pad', ?::text), 1, now(), 'ballast', now()
                    FROM generate_series(1, ?) AS n""".formatted(schema));
            generate(connection, "generating running jobs", conditions.running(), """
                    INSERT INTO %s.job_running (state, kind, queue, args, attempt, attempted_at, attempted_by)
                    SELECT 'running', 'ballast', 'ballast', jsonb_build_object('n', n, 'pad', ?::text), 1, now(), 'ballast'
                    FROM generate_series(1, ?) AS n""".formatted(schema));
            generate(connection, "generating future jobs", conditions.future(), """
                    INSERT INTO %s.job_deferred (state, kind, queue, args, scheduled_at)
                    SELECT 'scheduled', 'ballast', 'ballast', jsonb_build_object('n', n, 'pad', ?::text),
                        now() + interval '1 day' + random() * interval '365 days'
                    FROM generate_series(1, ?) AS n""".formatted(schema));
            if (conditions.history() + (long) conditions.running() + conditions.future() > 0) {
                statement.execute("ANALYZE " + schema + ".job");
            }
        }
    }

    private void generate(Connection connection, String what, int rows, String sql) throws SQLException {
        if (rows == 0) {
            return;
        }
        progress.step(what);
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int done = 0; done < rows; done += CHUNK) {
                statement.setString(1, pad);
                statement.setInt(2, Math.min(CHUNK, rows - done));
                statement.executeUpdate();
                progress.at(done, rows);
            }
        }
    }
}
