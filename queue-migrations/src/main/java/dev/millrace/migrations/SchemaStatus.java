package dev.millrace.migrations;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The schema as found by {@link Migrator#status()}.
 *
 * @param schema where it looked
 * @param installed version in the database, 0 where there are no job tables
 * @param required version that this program needs
 * @param migrations all that the program or the database knows, by version
 */
public record SchemaStatus(SchemaName schema, int installed, int required, List<Migration> migrations) {

    public SchemaStatus {
        migrations = List.copyOf(migrations);
    }

    /** Whether the program can work with the schema as it is. */
    public boolean isCurrent() {
        return installed == required;
    }

    /** Whether a migration is in the database, and in this program. */
    public enum State {
        /** In both. */
        APPLIED,
        /** In the program only: {@link Migrator#migrate()} would apply it. */
        PENDING,
        /** In the database only: a newer release of Millrace applied it. */
        UNKNOWN
    }

    /**
     * One step from a schema version to the next.
     *
     * @param version the schema version that it leads to
     * @param description in a few words
     * @param state whether it is in the database
     * @param installedOn when it was applied, by the database's clock; null while pending
     */
    public record Migration(
            int version,
            String description,
            State state,
            @Nullable Instant installedOn) {}
}
