package dev.millrace.examples.docs;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** The jobs that the guides talk about. */
final class GuideJobs {

    private GuideJobs() {}

    /** Jobs 40 to 49 wait to be due, job 50 is a dead letter. Takes away all others, and whatever else is set. */
    static void write(String url) throws SQLException {
        try (Connection session = DriverManager.getConnection(url);
                Statement statement = session.createStatement()) {
            statement.execute("""
                    SET search_path TO millrace;
                    TRUNCATE job, unique_key, periodic, queue, worker;
                    INSERT INTO job (id, kind, args, state, scheduled_at)
                    SELECT id, 'send_receipt', '{"orderId": 7, "customer": 7}', 'scheduled', now() + interval '1 hour'
                    FROM generate_series(40, 49) AS id;
                    INSERT INTO job (id, kind, state, attempt, attempted_at, attempted_by, finalized_at, errors)
                    VALUES (50, 'send_receipt', 'discarded', 25, now(), 'w1', now(), '[{"attempt": 25,
                        "at": "2027-01-31T12:00:00Z", "worker": "w1", "type": "IOException", "message": "read timeout"}]');
                    """);
        }
    }
}
