package dev.millrace.migrations;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.ResourceProvider;
import org.flywaydb.core.api.callback.Callback;
import org.flywaydb.core.api.callback.Context;
import org.flywaydb.core.api.callback.Event;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.flywaydb.core.api.resource.LoadableResource;
import org.flywaydb.database.postgresql.PostgreSQLConfigurationExtension;
import org.jspecify.annotations.Nullable;

/** Flyway, set up so that it neither sees nor disturbs an application's own use of Flyway in the same database. */
final class FlywayMigration {

    /** Not Flyway's default name, which the application may use in the same schema. */
    static final String HISTORY_TABLE = "millrace_schema_history";

    private FlywayMigration() {}

    /**
     * Flyway for one schema; it has not connected yet.
     *
     * @param installed schema version that a new history table starts from: what somebody installed by hand, or 0
     * @param beforeEach is told what each migration is before it runs
     */
    static Flyway of(
            DataSource dataSource,
            SchemaName schema,
            List<MigrationScript> scripts,
            int installed,
            Consumer<String> beforeEach) {
        FluentConfiguration configuration = Flyway.configure(FlywayMigration.class.getClassLoader())
                .dataSource(RestoredSessions.of(dataSource))
                .schemas(schema.value())
                .defaultSchema(schema.value())
                .createSchemas(false)
                .table(HISTORY_TABLE)
                // A schema with somebody else's tables is not taken for one that is migrated already.
                .baselineOnMigrate(true)
                .baselineVersion(String.valueOf(installed))
                .baselineDescription("Installed without this tool")
                .resourceProvider(new Scripts(scripts))
                .javaMigrationClassProvider(List::of)
                .skipDefaultCallbacks(true)
                .callbacks(new BeforeEach(beforeEach))
                .placeholderReplacement(false)
                // CREATE INDEX CONCURRENTLY and the INSERT of the version share a script, which then has no
                // transaction.
                .mixed(true)
                .validateMigrationNaming(true)
                // Its own search looks through the thread's context class loader, and may end at java.util.logging.
                .loggers("slf4j")
                .cleanDisabled(true);
        // The default lock is held in an open transaction, whose snapshot CREATE INDEX CONCURRENTLY waits for: for
        // ever.
        configuration
                .getConfigurationExtension(PostgreSQLConfigurationExtension.class)
                .setTransactionalLock(false);
        return configuration.load();
    }

    /** Tells of each migration. */
    private record BeforeEach(Consumer<String> receiver) implements Callback {

        @Override
        public boolean supports(Event event, Context context) {
            return event == Event.BEFORE_EACH_MIGRATE;
        }

        @Override
        public boolean canHandleInTransaction(Event event, Context context) {
            return true;
        }

        @Override
        public void handle(Event event, Context context) {
            MigrationInfo migration = context.getMigrationInfo();
            receiver.accept(migration.getVersion() + ", " + migration.getDescription());
        }

        @Override
        public String getCallbackName() {
            return "progress";
        }
    }

    /** What is given, instead of what a search of the class path finds. */
    private record Scripts(List<MigrationScript> scripts) implements ResourceProvider {

        @Override
        @SuppressWarnings("NullAway") // Flyway's interface is not annotated; it expects null for "no such file"
        public @Nullable LoadableResource getResource(String name) {
            return scripts.stream()
                    .filter(script -> script.fileName().equals(name))
                    .findFirst()
                    .map(MigrationScript::resource)
                    .orElse(null);
        }

        @Override
        public Collection<LoadableResource> getResources(String prefix, String[] suffixes) {
            return scripts.stream()
                    .filter(script -> script.fileName().startsWith(prefix)
                            && Arrays.stream(suffixes).anyMatch(script.fileName()::endsWith))
                    .map(MigrationScript::resource)
                    .toList();
        }
    }
}
