package dev.millrace.worker.doctor;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** What this role may do: enqueue, work, and keep the history, of which a producer needs only the first. */
record PermissionCheck(SchemaName schema) implements Check {

    static final String NAME = "permissions";

    private static final String MISSING = """
            WITH relation AS (
                SELECT need, needs.name, privilege, quote_ident(?) || '.' || quote_ident(needs.name) AS full_name
                FROM (VALUES
                    ('enqueue', 'job', 'INSERT'), ('enqueue', 'job_seq', 'USAGE'),
                    ('work', 'job', 'SELECT, INSERT, UPDATE, DELETE'),
                    ('work', 'job_available', 'SELECT, INSERT, UPDATE, DELETE'),
                    ('work', 'job_running', 'SELECT, INSERT, UPDATE, DELETE'),
                    ('work', 'job_deferred', 'SELECT, INSERT, UPDATE, DELETE'),
                    ('work', 'job_finalized', 'SELECT, INSERT'),
                    ('work', 'unique_key', 'SELECT, INSERT, DELETE'),
                    ('work', 'worker', 'SELECT, INSERT, UPDATE, DELETE'),
                    ('work', 'leader', 'SELECT, INSERT, UPDATE'),
                    ('work', 'queue', 'SELECT'), ('work', 'retention', 'SELECT'),
                    ('work', 'periodic', 'SELECT, INSERT, UPDATE'),
                    ('work', 'job_seq', 'USAGE, SELECT')) AS needs (need, name, privileges),
                    regexp_split_to_table(privileges, ', ') AS privilege)
            SELECT need, privilege || ' on ' || name,
                CASE WHEN name = 'job_seq' THEN has_sequence_privilege(full_name, privilege)
                    ELSE has_table_privilege(full_name, privilege) END
            FROM relation WHERE to_regclass(full_name) IS NOT NULL
            UNION ALL
            SELECT 'work', 'EXECUTE on function ' || proname, has_function_privilege(oid, 'EXECUTE')
            FROM pg_proc WHERE pronamespace = to_regnamespace(quote_ident(?))
            UNION ALL
            SELECT 'history', 'CREATE on schema', has_schema_privilege(?, 'CREATE')
            UNION ALL
            SELECT 'history', 'ownership of job_finalized', pg_has_role(relowner, 'USAGE')
            FROM pg_class WHERE oid = to_regclass(quote_ident(?) || '.job_finalized')
            """;

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        List<String> toEnqueue = new ArrayList<>();
        List<String> toWork = new ArrayList<>();
        List<String> forHistory = new ArrayList<>();
        int forWork = 0;
        int granted = 0;
        try (PreparedStatement statement = connection.prepareStatement(MISSING)) {
            for (int parameter = 1; parameter <= 4; parameter++) {
                statement.setString(parameter, schema.value());
            }
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    boolean has = row.getBoolean(3);
                    String what = row.getString(2);
                    switch (row.getString(1)) {
                        case "enqueue" -> collect(toEnqueue, what, has);
                        case "work" -> {
                            collect(toWork, what, has);
                            // What a producer that watches its jobs has as well tells nothing.
                            boolean telling = what.matches("(UPDATE|DELETE) .*");
                            forWork += telling ? 1 : 0;
                            granted += telling && has ? 1 : 0;
                        }
                        default -> collect(forHistory, what, has);
                    }
                }
            }
        }
        List<Finding> findings = new ArrayList<>();
        if (!toEnqueue.isEmpty() && granted < forWork) {
            findings.add(missing("may not enqueue", toEnqueue));
        }
        if (granted == 0 && toEnqueue.isEmpty()) {
            findings.add(Finding.warn(
                    NAME, "may enqueue, and not work: a producer", "a worker needs " + brief(toWork) + " as well"));
        } else if (!toWork.isEmpty()) {
            findings.add(missing("may not work", toWork));
        } else if (!toEnqueue.isEmpty()) {
            findings.add(missing("may not enqueue", toEnqueue));
        } else if (!forHistory.isEmpty()) {
            findings.add(
                    Finding.warn(
                            NAME,
                            "may enqueue and work, and not create days of history: lacks " + brief(forHistory),
                            "let at least one worker have the role that owns the tables, and give the others --no-maintenance"));
        }
        return findings.isEmpty() ? List.of(Finding.ok(NAME, "may enqueue, work and keep the history")) : findings;
    }

    private Finding missing(String what, List<String> lacking) {
        return Finding.fail(
                NAME, what + ": lacks " + brief(lacking), "GRANT it to this role, in schema " + schema.quoted());
    }

    private static void collect(List<String> missing, String what, boolean has) {
        if (!has) {
            missing.add(what);
        }
    }

    private static String brief(List<String> all) {
        return all.size() <= 4
                ? String.join(", ", all)
                : String.join(", ", all.subList(0, 4)) + " and " + (all.size() - 4) + " more";
    }
}
