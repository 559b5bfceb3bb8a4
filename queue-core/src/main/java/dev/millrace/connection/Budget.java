package dev.millrace.connection;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/**
 * How many connections the server has room for, and how many are wanted.
 *
 * @param needed by this process: the work pool, control and the listener
 * @param instances processes of ours with a session now, this one included
 * @param others sessions that are not ours and count against the same limit
 * @param available the least of {@code max_connections} less what is reserved, the role's limit and the database's
 * @param limit which of these it is, in the words of the statement that changes it
 * @param notifyQueue how full the server's notification queue is, 0 to 1; at 1 every commit that notifies fails
 */
public record Budget(int needed, int instances, int others, int available, String limit, double notifyQueue) {

    private static final double SHARE = 0.8;
    private static final double FULL_QUEUE = 0.5;

    /** Reads what the server says. Sessions of other roles count, though a plain role can't see what they are. */
    public static Budget read(Connection connection, int needed) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT current_setting('max_connections')::int
                                 - CASE WHEN r.rolsuper THEN 0
                                   ELSE current_setting('superuser_reserved_connections')::int
                                     + coalesce(current_setting('reserved_connections', true)::int, 0) END AS server,
                               pg_notification_queue_usage() AS notify_queue, r.rolconnlimit, d.datconnlimit, r.rolname, d.datname,
                               count(*) AS sessions,
                               count(*) FILTER (WHERE a.usename = r.rolname) AS of_role,
                               count(*) FILTER (WHERE a.datname = d.datname) AS of_database,
                               count(*) FILTER (WHERE a.application_name LIKE 'millrace/%') AS ours,
                               count(DISTINCT split_part(a.application_name, '/', 2))
                                 FILTER (WHERE a.application_name LIKE 'millrace/%') AS instances
                        FROM pg_stat_activity AS a, pg_roles AS r, pg_database AS d
                        WHERE a.backend_type = 'client backend' AND r.rolname = current_user
                          AND d.datname = current_database()
                        GROUP BY 1, 2, 3, 4, 5, 6""")) {
            row.next();
            int available = row.getInt("server");
            int counted = row.getInt("sessions");
            String limit = "max_connections in postgresql.conf";
            int ofRole = row.getInt("rolconnlimit");
            if (ofRole >= 0 && ofRole < available) {
                available = ofRole;
                counted = row.getInt("of_role");
                limit = "ALTER ROLE \"" + row.getString("rolname") + "\" CONNECTION LIMIT";
            }
            int ofDatabase = row.getInt("datconnlimit");
            if (ofDatabase >= 0 && ofDatabase < available) {
                available = ofDatabase;
                counted = row.getInt("of_database");
                limit = "ALTER DATABASE \"" + row.getString("datname") + "\" CONNECTION LIMIT";
            }
            return new Budget(
                    needed,
                    Math.max(1, row.getInt("instances")),
                    Math.max(0, counted - row.getInt("ours")),
                    available,
                    limit,
                    row.getDouble("notify_queue"));
        }
    }

    /** What to change, and to which number; null where all fits into four fifths of what there is. */
    public @Nullable String warning() {
        int wanted = instances * needed + others;
        if (wanted <= available * SHARE) {
            return notifyQueue <= FULL_QUEUE
                    ? null
                    : "The server's notification queue is " + Math.round(notifyQueue * 100)
                            + " % full: find the session that listens and does not read, it is the oldest in pg_stat_activity "
                            + "that waits for ClientWrite";
        }
        int enough = (int) Math.ceil(wanted / SHARE);
        int fits = (int) (available * SHARE - others) / instances - (needed - poolShare());
        String smaller = fits >= 2 ? ", or lower the pool size to " + fits : "";
        return "Up to " + wanted + " connections are wanted (" + instances + " processes of up to " + needed + ", and "
                + others + " others now), of " + available + " there are: raise " + limit + " by at least "
                + (enough - available) + smaller;
    }

    private int poolShare() {
        return needed - 2;
    }
}
