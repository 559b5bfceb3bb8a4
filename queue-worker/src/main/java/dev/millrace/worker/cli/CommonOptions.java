package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.migrations.SchemaName;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that all commands have. A flag wins over the environment, and that over the file; see {@link Configuration}. */
final class CommonOptions {

    /**
     * What no host and no usual database name has, but a user and password in the wrong place: they would be shown with every
     * message about this database.
     */
    private static final Pattern MISPLACED = Pattern.compile("[@&=?]");

    static final String CONFIG = "--config";

    enum LogFormat {
        text,
        json
    }

    enum Color {
        auto,
        always,
        never
    }

    @Option(
            names = "--database-url",
            paramLabel = "URL",
            description =
                    "Database: jdbc:postgresql://HOST:PORT/DB?user=…&password=… or postgresql://USER:PASSWORD@HOST:PORT/DB. "
                            + "As MILLRACE_DATABASE_URL in the environment it keeps the password out of the process list.")
    @Nullable String databaseUrl;

    @Option(
            names = "--direct-url",
            paramLabel = "URL",
            description =
                    "Second URL that leads to the server itself where --database-url leads to a pooler: for listening and "
                            + "migrations.")
    @Nullable String directUrl;

    @Option(
            names = "--pooler",
            description =
                    "--database-url leads to a pooler in transaction mode, such as PgBouncer. Also noticed without this.")
    boolean pooler;

    @Option(
            names = "--schema",
            paramLabel = "NAME",
            description = "Schema of the job tables, taken literally. Default: millrace.")
    @Nullable String schema;

    @Option(
            names = "--log-format",
            paramLabel = "text|json",
            description = "Form of the logs on standard error. Default: ${DEFAULT-VALUE}.")
    LogFormat logFormat = LogFormat.text;

    @Option(
            names = "--color",
            paramLabel = "auto|always|never",
            description = "Colours in tables and help. auto: on a terminal, unless NO_COLOR is set. Default: auto.")
    Color color = Color.auto;

    @Option(
            names = CONFIG,
            paramLabel = "FILE",
            description = "Properties file with what neither flags nor the environment say, such as schema=jobs.")
    @Nullable Path config;

    @Option(names = "--verbose", description = "Debug logs, and stack traces with errors.")
    boolean verbose;

    /**
     * The database that is meant.
     *
     * @throws UsageException if no database is named, or the URL or the schema is not possible
     */
    Database database() {
        if (databaseUrl == null || databaseUrl.isBlank()) {
            throw new UsageException("No database: give --database-url, or set MILLRACE_DATABASE_URL");
        }
        Database database = Database.of(databaseUrl).withSchema(schemaName());
        if (directUrl != null && !directUrl.isBlank()) {
            database = database.withDirectUrl(directUrl);
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

    SchemaName schemaName() {
        return schema == null || schema.isEmpty() ? SchemaName.DEFAULT : new SchemaName(schema);
    }
}
