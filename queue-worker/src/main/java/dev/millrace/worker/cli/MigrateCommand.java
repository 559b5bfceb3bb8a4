package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.migrations.MigrationResult;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaStatus;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Brings the schema to the version that this program needs, or tells how it stands. */
@Command(
        name = "migrate",
        description = "Creates or upgrades the job tables.",
        footer = {
            "",
            "  millrace migrate                    create or upgrade; safe to run by many at once",
            "  millrace migrate --status           what is installed and what is missing",
            "  millrace migrate --sql > jobs.sql   for those who run DDL themselves; needs no database"
        })
final class MigrateCommand extends MillraceCommand {

    /** At most one of these. */
    private static final class Mode {
        @Option(names = "--status", description = "Show the versions installed and missing; change nothing.")
        boolean status;

        @Option(names = "--validate", description = "Check that the schema is what this program needs; change nothing.")
        boolean validate;

        @Option(names = "--sql", description = "Print the SQL instead of running it.")
        boolean sql;
    }

    @ArgGroup
    private @Nullable Mode mode;

    MigrateCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        Mode chosen = mode == null ? new Mode() : mode;
        if (chosen.sql) {
            terminal.out().print(Migrator.sql(schemaName()));
            return ExitStatus.DONE;
        }
        Database database = database();
        Migrator migrator = Migrator.of(database.unpooled(), database.schema());
        if (chosen.status) {
            show(migrator.status());
        } else if (chosen.validate) {
            migrator.validate();
            terminal.out().println("Schema " + database.schema() + " is valid");
        } else {
            MigrationResult result = migrator.migrate();
            terminal.out()
                    .println(
                            result.applied() == 0
                                    ? "Schema " + database.schema() + " is up to date at version " + result.to()
                                    : "Schema " + database.schema() + ": version " + result.from() + " → " + result.to()
                                            + ", " + result.applied()
                                            + (result.applied() == 1 ? " migration applied" : " migrations applied"));
        }
        return ExitStatus.DONE;
    }

    private void show(SchemaStatus status) {
        terminal.out()
                .println("Schema " + status.schema() + ": version " + status.installed() + ", this program needs "
                        + status.required());
        terminal.out().printf("%-8s %-8s %-25s %s%n", "VERSION", "STATE", "INSTALLED ON", "DESCRIPTION");
        status.migrations()
                .forEach(migration -> terminal.out()
                        .printf(
                                "%-8s %-8s %-25s %s%n",
                                migration.version(),
                                migration.state().toString().toLowerCase(Locale.ROOT),
                                migration.installedOn() == null ? "" : migration.installedOn(),
                                migration.description()));
    }
}
