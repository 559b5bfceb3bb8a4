package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.migrations.SchemaName;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that all commands have. A flag wins over the environment. */
final class CommonOptions {

    /**
     * What no host and no usual database name has, but a user and password in the wrong place: they would be shown with every
     * message about this database.
     */
    private static final Pattern MISPLACED = Pattern.compile("[@&=?]");

    enum LogFormat {
        text,
        json
    }

    @Option(
            names = "--database-url",
            paramLabel = "URL",
            description =
                    "Database: jdbc:postgresql://HOST:PORT/DB?user=…&password=… or postgresql://USER:PASSWORD@HOST:PORT/DB. "
                            + "Environment: MILLRACE_DATABASE_URL, which keeps the password out of the process list.")
    @Nullable String databaseUrl;

    @Option(
            names = "--direct-url",
            paramLabel = "URL",
            description =
                    "Second URL that leads to the server itself where --database-url leads to a pooler: for listening and "
                            + "migrations. Environment: MILLRACE_DIRECT_URL.")
    @Nullable String directUrl;

    @Option(
            names = "--pooler",
            description =
                    "--database-url leads to a pooler in transaction mode, such as PgBouncer. Also noticed without this.")
    boolean pooler;

    @Option(
            names = "--schema",
            paramLabel = "NAME",
            description = "Schema of the job tables, taken literally. Default: millrace. Environment: MILLRACE_SCHEMA.")
    @Nullable String schema;

    @Option(
            names = "--log-format",
            paramLabel = "text|json",
            description = "Form of the logs on standard error. Default: ${DEFAULT-VALUE}.")
    LogFormat logFormat = LogFormat.text;

    @Option(names = "--verbose", description = "Debug logs, and stack traces with errors.")
    boolean verbose;

    /**
     * The database that is meant.
     *
     * @throws UsageException if no database is named, or the URL or the schema is not possible
     */
    Database database(Map<String, String> environment) {
        String url = databaseUrl == null ? environment.get("MILLRACE_DATABASE_URL") : databaseUrl;
        if (url == null || url.isBlank()) {
            throw new UsageException("No database: give --database-url, or set MILLRACE_DATABASE_URL");
        }
        Database database = Database.of(url).withSchema(schemaName(environment));
        String direct = directUrl == null ? environment.get("MILLRACE_DIRECT_URL") : directUrl;
        if (direct != null && !direct.isBlank()) {
            database = database.withDirectUrl(direct);
        }
        if (pooler) {
            database = database.withPooler();
        }
        if (MISPLACED.matcher(database.toString()).find()) {
            throw new UsageException(
                    "The database URL is not understood: write user and password as jdbc:postgresql://HOST:PORT/DATABASE"
                            + "?user=…&password=… or postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
        }
        return database;
    }

    SchemaName schemaName(Map<String, String> environment) {
        String name = schema == null ? environment.get("MILLRACE_SCHEMA") : schema;
        return name == null || name.isEmpty() ? SchemaName.DEFAULT : new SchemaName(name);
    }
}
