package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.migrations.MigrationResult;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

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

    @Option(names = "--status", description = "Show the versions installed and missing; change nothing.")
    private boolean status;

    @Option(names = "--validate", description = "Check that the schema is what this program needs; change nothing.")
    private boolean validate;

    @Option(names = "--sql", description = "Print the SQL instead of running it.")
    private boolean sql;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    MigrateCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        if (Stream.of(status, validate, sql).filter(given -> given).count() > 1) {
            throw new UsageException("Give one of --status, --validate and --sql");
        }
        if (sql) {
            if (json) {
                throw new UsageException("--json is not for --sql");
            }
            terminal.out().print(Migrator.sql(schemaName()));
            return ExitStatus.DONE;
        }
        Database database = database();
        Migrator migrator = Migrator.of(database.unpooled(), database.schema());
        if (status) {
            show(migrator.status());
        } else if (validate) {
            migrator.validate();
            say(object().put("valid", true), "Schema " + database.schema() + " is valid");
        } else {
            show(migrate(migrator));
        }
        return ExitStatus.DONE;
    }

    private MigrationResult migrate(Migrator migrator) {
        try (Progress progress = new Progress(terminal)) {
            return migrator.migrate(migration -> progress.tell("Migrating: " + migration));
        }
    }

    private void show(MigrationResult result) {
        String name = "Schema " + schemaName();
        say(
                object().put("from", result.from()).put("to", result.to()).put("applied", result.applied()),
                result.applied() == 0
                        ? name + " is up to date at version " + result.to()
                        : name + ": version " + result.from() + " → " + result.to() + ", " + result.applied()
                                + (result.applied() == 1 ? " migration applied" : " migrations applied"));
    }

    private void show(SchemaStatus found) {
        if (json) {
            ObjectNode object = object().put("installed", found.installed()).put("required", found.required());
            ArrayNode migrations = object.putArray("migrations");
            found.migrations()
                    .forEach(migration -> migrations
                            .addObject()
                            .put("version", migration.version())
                            .put("state", state(migration))
                            .put("installed_on", migration.installedOn() == null ? null : shown(migration))
                            .put("description", migration.description()));
            terminal.out().println(JsonText.JSON.writeValueAsString(object));
            return;
        }
        terminal.out()
                .println("Schema " + found.schema() + ": version " + found.installed() + ", this program needs "
                        + found.required());
        List<String[]> rows = new ArrayList<>();
        rows.add(colors().head("VERSION", "STATE", "INSTALLED ON", "DESCRIPTION"));
        found.migrations()
                .forEach(migration -> rows.add(new String[] {
                    String.valueOf(migration.version()), state(migration), shown(migration), migration.description()
                }));
        TextTable.print(terminal.out(), rows);
    }

    private static String state(SchemaStatus.Migration migration) {
        return migration.state().toString().toLowerCase(Locale.ROOT);
    }

    private static String shown(SchemaStatus.Migration migration) {
        return migration.installedOn() == null ? "" : migration.installedOn().toString();
    }

    private ObjectNode object() {
        return JsonText.JSON.createObjectNode().put("schema", schemaName().value());
    }

    private void say(ObjectNode object, String sentence) {
        terminal.out().println(json ? JsonText.JSON.writeValueAsString(object) : sentence);
    }
}
