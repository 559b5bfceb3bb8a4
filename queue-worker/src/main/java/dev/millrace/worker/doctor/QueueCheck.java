package dev.millrace.worker.doctor;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Queues whose jobs wait for longer than they should, judged by the head of each lane: a handful of index probes, however deep the
 * backlog. At most {@value #QUEUES} queues are looked at.
 */
record QueueCheck(SchemaName schema) implements Check {

    private static final int QUEUES = 100;
    /** Running jobs looked at: more than most fleets have slots. */
    private static final int RUNNING = 20_000;

    private static final int SHOWN = 5;
    private static final Duration LONG = Duration.ofMinutes(5);

    @Override
    public String name() {
        return "queues";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        Map<String, Finding> stuck = new LinkedHashMap<>();
        int lanes = 0;
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(heads())) {
            while (row.next()) {
                lanes++;
                String queue = row.getString("queue");
                long waits = row.getLong("waits");
                String wait = ": its first job waits for " + waits + " s";
                if (row.getBoolean("paused")) {
                    stuck.putIfAbsent(
                            queue,
                            warn(
                                    "'" + queue + "' is paused and has jobs" + wait,
                                    "SELECT " + schema.quoted() + ".resume_queue('" + queue.replace("'", "''") + "')"));
                } else if (!row.getBoolean("worked")) {
                    stuck.putIfAbsent(
                            queue,
                            warn(
                                    "'" + queue + "' has jobs and no live worker works on it" + wait,
                                    "start one with work --queue " + queue + "=SLOTS"));
                } else if (waits > LONG.toSeconds()) {
                    String kind = row.getString("kind");
                    stuck.putIfAbsent(
                            queue,
                            row.getBoolean("kind_runs")
                                    ? warn("'" + queue + "' is behind" + wait, "more slots or more workers")
                                    : warn(
                                            "'" + queue + "' has jobs of kind '" + kind + "', none of which runs"
                                                    + wait,
                                            "start a worker with a handler for '" + kind
                                                    + "', or look whether all slots are taken by other kinds"));
                }
            }
        }
        if (stuck.isEmpty()) {
            return List.of(Finding.ok(name(), lanes == 0 ? "no job waits" : "no queue is stuck"));
        }
        List<Finding> findings = new ArrayList<>(stuck.values());
        if (findings.size() > SHOWN) {
            int more = findings.size() - SHOWN;
            findings = new ArrayList<>(findings.subList(0, SHOWN));
            findings.add(warn(more + " more queues wait", "see the ones above first"));
        }
        return findings;
    }

    /** The queues are found by jumping along the index, since it may hold millions of jobs of one. */
    private String heads() {
        return """
                WITH RECURSIVE named AS (
                    (SELECT queue FROM %1$s.job_available ORDER BY queue LIMIT 1)
                    UNION ALL
                    SELECT (SELECT a.queue FROM %1$s.job_available AS a WHERE a.queue > named.queue ORDER BY a.queue LIMIT 1)
                    FROM named WHERE named.queue IS NOT NULL
                ), queues AS (
                    SELECT queue FROM named WHERE queue IS NOT NULL LIMIT %2$s
                ), running AS MATERIALIZED (
                    SELECT DISTINCT queue, kind FROM (SELECT queue, kind FROM %1$s.job_running LIMIT %3$s) AS looked
                )
                SELECT queues.queue, head.kind, extract(epoch FROM clock_timestamp() - head.scheduled_at)::bigint AS waits,
                    q.paused_at IS NOT NULL AS paused,
                    EXISTS (SELECT FROM %1$s.worker AS w
                        WHERE w.lease_expires_at >= clock_timestamp() AND w.queues ? queues.queue) AS worked,
                    EXISTS (SELECT FROM running AS r WHERE r.kind = head.kind AND r.queue = queues.queue) AS kind_runs
                FROM queues
                CROSS JOIN generate_series(1, 4) AS p (priority)
                CROSS JOIN LATERAL (
                    SELECT a.kind, a.scheduled_at FROM %1$s.job_available AS a
                    WHERE a.queue = queues.queue AND a.priority = p.priority ORDER BY a.run_order LIMIT 1) AS head
                LEFT JOIN %1$s.queue AS q ON q.name = queues.queue
                ORDER BY waits DESC
                """.formatted(schema.quoted(), QUEUES, RUNNING);
    }

    private Finding warn(String found, String advice) {
        return Finding.warn(name(), found, advice);
    }
}
