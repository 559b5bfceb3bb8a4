package dev.millrace.migrations;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** What a program needs of the schema, and the check that it is there. Stateless; safe for use by many threads. */
public final class SchemaVersion {

    /** The schema version that this build of Millrace reads and writes. */
    public static final int REQUIRED = 6;

    private SchemaVersion() {}

    /**
     * Reads the installed version: one or two catalogue look-ups, no lock.
     *
     * @return the installed version, 0 where the schema holds no job tables
     */
    public static int installed(Connection connection, SchemaName schema) throws SQLException {
        try (PreparedStatement exists =
                connection.prepareStatement("SELECT to_regclass(? || '.millrace_version') IS NOT NULL")) {
            exists.setString(1, schema.quoted());
            try (ResultSet row = exists.executeQuery()) {
                row.next();
                if (!row.getBoolean(1)) {
                    return 0;
                }
            }
        }
        try (Statement version = connection.createStatement();
                ResultSet row = version.executeQuery(
                        "SELECT coalesce(max(version), 0) FROM " + schema.quoted() + ".millrace_version")) {
            row.next();
            return row.getInt(1);
        }
    }

    /**
     * Checks that the schema is at the version that this build needs: the look-ups of {@link #installed}, nothing more.
     *
     * @throws SchemaException with one sentence that says what to do, where the schema is missing, older or newer than
     *     {@link #REQUIRED}
     */
    public static void require(Connection connection, SchemaName schema) throws SQLException {
        check(installed(connection, schema), REQUIRED, schema);
    }

    static void check(int installed, int required, SchemaName schema) {
        if (installed == 0) {
            throw new SchemaException("Schema " + schema.quoted()
                    + " has no job tables: run the migrate command, or Migrator.migrate(), first");
        }
        if (installed < required) {
            throw new SchemaException("Schema " + schema.quoted() + " is at version " + installed
                    + ", this program needs version " + required
                    + ": run the migrate command, or Migrator.migrate(), of this release");
        }
        if (installed > required) {
            throw new SchemaException("Schema " + schema.quoted() + " is at version " + installed
                    + ", newer than the version " + required
                    + " that this program knows: use a newer release of Millrace");
        }
    }
}
