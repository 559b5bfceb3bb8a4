package dev.millrace.worker.doctor;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Dead rows where claims begin to read, by the server's statistics, and whether autovacuum removes them. */
record VacuumCheck(SchemaName schema) implements Check {

    /** Ten times what the migrations let autovacuum begin at; claims get by, sweeps feel them. */
    private static final long MANY = 100_000;

    private static final long BEGINS = 20_000;
    private static final Duration LATE = Duration.ofMinutes(10);

    private static final String STATISTICS = """
            SELECT c.relname, coalesce(s.n_dead_tup, 0) AS dead,
                extract(epoch FROM clock_timestamp() - greatest(s.last_autovacuum, s.last_vacuum))::bigint AS vacuumed_ago,
                coalesce('autovacuum_enabled=false' = ANY (c.reloptions) OR 'autovacuum_enabled=off' = ANY (c.reloptions), false)
                    AS disabled
            FROM pg_class AS c LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid
            WHERE c.relnamespace = to_regnamespace(quote_ident(?))
                AND c.relname IN ('job_available', 'job_running', 'job_deferred', 'unique_key', 'worker', 'leader')
            ORDER BY c.relname
            """;

    @Override
    public String name() {
        return "dead rows";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        List<Finding> findings = new ArrayList<>();
        List<String> fine = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(STATISTICS)) {
            statement.setString(1, schema.value());
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    String table = row.getString("relname");
                    long dead = row.getLong("dead");
                    long ago = row.getLong("vacuumed_ago");
                    boolean never = row.wasNull();
                    String found =
                            table + " has " + dead + ", " + (never ? "never vacuumed" : "vacuumed " + ago + " s ago");
                    if (row.getBoolean("disabled")) {
                        findings.add(Finding.fail(
                                name(),
                                found + ", and autovacuum is off for it",
                                "ALTER TABLE " + schema.quoted() + "." + table + " RESET (autovacuum_enabled)"));
                    } else if (dead >= MANY || (dead >= BEGINS && (never || ago > LATE.toSeconds()))) {
                        findings.add(Finding.warn(
                                name(),
                                found,
                                "end what holds the oldest snapshot; if nothing does, autovacuum is behind: raise"
                                        + " autovacuum_max_workers, or VACUUM " + schema.quoted() + "." + table));
                    } else if (table.equals("job_available") || table.equals("job_running")) {
                        fine.add(found);
                    }
                }
            }
        }
        return findings.isEmpty() ? List.of(Finding.ok(name(), String.join("; ", fine))) : findings;
    }
}
