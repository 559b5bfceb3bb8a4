package dev.millrace.worker.doctor;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What holds the oldest snapshot: no row deleted since can be removed, and every finished job leaves two. */
record SnapshotCheck(Duration longSnapshot) implements Check {

    /** Where a holder has no age in time. */
    private static final int MANY_TRANSACTIONS = 1_000_000;

    private static final int SHOWN = 3;

    /** Prepared transactions and slots have no session; a standby's feedback is that of its sender's session. */
    private static final String HOLDERS = """
            SELECT 'session' AS kind, a.pid::text AS name,
                concat_ws(', ', quote_literal(nullif(a.application_name, '')), a.usename, a.state) AS what,
                extract(epoch FROM clock_timestamp() - a.xact_start)::bigint AS seconds,
                greatest(age(a.backend_xmin), age(a.backend_xid)) AS transactions
            FROM pg_stat_activity AS a
            WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.pid <> pg_backend_pid()
                AND a.backend_type NOT IN ('walsender', 'autovacuum worker')
                AND (a.datname = current_database() OR a.datname IS NULL)
            UNION ALL
            SELECT 'prepared', p.gid, concat_ws(', ', p.owner, p.database),
                extract(epoch FROM clock_timestamp() - p.prepared)::bigint, age(p.transaction)
            FROM pg_prepared_xacts AS p WHERE p.database = current_database()
            UNION ALL
            SELECT 'slot', s.slot_name, CASE WHEN s.active THEN 'active' ELSE 'nobody reads it' END, NULL, age(s.xmin)
            FROM pg_replication_slots AS s WHERE s.xmin IS NOT NULL
            UNION ALL
            SELECT 'standby', r.pid::text, concat_ws(', ', quote_literal(nullif(r.application_name, '')), r.state), NULL,
                age(r.backend_xmin)
            FROM pg_stat_replication AS r WHERE r.backend_xmin IS NOT NULL
            ORDER BY transactions DESC, seconds DESC NULLS LAST
            LIMIT ?
            """;

    @Override
    public String name() {
        return "oldest snapshot";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        List<Finding> findings = new ArrayList<>();
        String oldest = null;
        try (PreparedStatement statement = connection.prepareStatement(HOLDERS)) {
            statement.setInt(1, SHOWN);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    Holder holder = Holder.of(row);
                    oldest = oldest == null ? holder.toString() : oldest;
                    if (isLong(holder)) {
                        findings.add(Finding.warn(name(), holder.toString(), holder.advice()));
                    }
                }
            }
        }
        if (!seesOthers(connection)) {
            findings.add(Finding.warn(
                    name(),
                    "could not look at sessions: this role sees none but its own",
                    "GRANT pg_read_all_stats to it"));
        } else if (findings.isEmpty()) {
            findings.add(Finding.ok(name(), oldest == null ? "nobody holds one" : oldest));
        }
        return findings;
    }

    private boolean isLong(Holder holder) {
        return holder.seconds() == null
                ? holder.transactions() > MANY_TRANSACTIONS
                : holder.seconds() >= longSnapshot.toSeconds();
    }

    private static boolean seesOthers(Connection connection) throws SQLException {
        try (PreparedStatement statement =
                        connection.prepareStatement("SELECT pg_has_role('pg_read_all_stats', 'USAGE')");
                ResultSet row = statement.executeQuery()) {
            row.next();
            return row.getBoolean(1);
        }
    }

    private record Holder(
            String kind, String name, String what, @Nullable Long seconds, long transactions) {

        static Holder of(ResultSet row) throws SQLException {
            long seconds = row.getLong("seconds");
            return new Holder(
                    row.getString("kind"),
                    row.getString("name"),
                    row.getString("what"),
                    row.wasNull() ? null : seconds,
                    row.getLong("transactions"));
        }

        @Override
        public String toString() {
            String age = seconds == null ? "" : seconds + " s and ";
            return age + transactions + " transactions old, held by " + called() + " (" + what + ")";
        }

        private String called() {
            return switch (kind) {
                case "prepared" -> "prepared transaction " + name;
                case "slot" -> "replication slot " + name;
                case "standby" -> "a standby through process " + name;
                default -> "process " + name;
            };
        }

        String advice() {
            return switch (kind) {
                case "prepared" -> "COMMIT PREPARED or ROLLBACK PREPARED it";
                case "slot" -> "let its reader catch up, or SELECT pg_drop_replication_slot('" + name + "')";
                case "standby" -> "end the long query there, or set hot_standby_feedback = off on it";
                default ->
                    "end it: SELECT pg_terminate_backend(" + name + "), and set idle_in_transaction_session_timeout";
            };
        }
    }
}
