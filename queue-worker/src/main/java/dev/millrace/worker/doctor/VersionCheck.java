package dev.millrace.worker.doctor;

import dev.millrace.migrations.SchemaName;
import dev.millrace.migrations.SchemaVersion;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/** Versions of the server and of the schema. */
record VersionCheck(SchemaName schema) implements Check {

    private static final int OLDEST = 15;
    private static final int NEWEST = 18;

    @Override
    public String name() {
        return "version";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        int installed = SchemaVersion.installed(connection, schema);
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version')")) {
            row.next();
            int major = row.getInt(1);
            String found = "PostgreSQL " + row.getString(2) + ", schema version " + installed;
            if (major < OLDEST) {
                return List.of(Finding.fail(name(), found, "upgrade the server to PostgreSQL " + OLDEST + " or newer"));
            }
            return List.of(
                    major > NEWEST
                            ? Finding.warn(
                                    name(), found, "this release was tested with PostgreSQL up to " + NEWEST + " only")
                            : Finding.ok(name(), found));
        }
    }
}
