package dev.millrace.worker.doctor;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Workers alive, the leader among them, and what is left of those that are not. */
record WorkerCheck(SchemaName schema) implements Check {

    private static final int LIMIT = 1_000;
    /** Running jobs looked at: more than most fleets have slots. */
    private static final int RUNNING = 20_000;

    /** A lead lasts ten seconds, and others try for it four times as often. */
    private static final long NO_LEADER_SECONDS = 30;

    private static final long OVERDUE_SECONDS = 60;

    @Override
    public String name() {
        return "workers";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        String sql = """
                SELECT (SELECT count(*) FROM %1$s.worker WHERE lease_expires_at >= clock_timestamp()) AS live,
                    (SELECT extract(epoch FROM clock_timestamp() - max(expires_at))::bigint FROM %1$s.leader) AS leaderless,
                    (SELECT extract(epoch FROM clock_timestamp() - min(scheduled_at))::bigint
                        FROM %1$s.job_deferred WHERE state IN ('scheduled', 'retryable')) AS overdue,
                    (SELECT count(*) FROM (SELECT FROM (SELECT attempted_by FROM %1$s.job_running LIMIT %3$s) AS r
                        WHERE NOT EXISTS (SELECT FROM %1$s.worker AS w
                            WHERE w.id = r.attempted_by AND w.lease_expires_at >= statement_timestamp())
                        LIMIT %2$s) AS counted) AS lost
                """.formatted(schema.quoted(), LIMIT + 1, RUNNING);
        List<Finding> findings = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            long live = row.getLong("live");
            long leaderless = row.getLong("leaderless");
            boolean led = !row.wasNull() && leaderless <= 0;
            long overdue = row.getLong("overdue");
            long lost = row.getLong("lost");
            if (live > 0 && !led && leaderless > NO_LEADER_SECONDS) {
                findings.add(Finding.fail(
                        name(),
                        live + " alive, and no leader for " + leaderless
                                + " s: nobody promotes due jobs or rescues lost ones",
                        "see the workers' logs for errors of maintenance; restart one of them"));
            } else {
                String found =
                        live == 0 ? "none is alive" : live + " alive, " + (led ? "one of them leads" : "no leader yet");
                findings.add(Finding.ok(name(), found));
            }
            if (lost > 0) {
                findings.add(Finding.warn(
                        name(),
                        "running jobs without a live worker: " + (lost > LIMIT ? "more than " + LIMIT : lost),
                        live == 0
                                ? "start a worker: it makes them available"
                                : "wait for a lease: the leader makes them available"));
            }
            if (overdue > OVERDUE_SECONDS) {
                findings.add(Finding.warn(
                        name(),
                        "a scheduled job is due for " + overdue + " s and not available yet",
                        live == 0 ? "start a worker" : "see the leader's log: promotion is behind"));
            }
        }
        return findings;
    }
}
