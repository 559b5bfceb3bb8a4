package dev.millrace.migrations;

/**
 * What a call of {@link Migrator#migrate()} did.
 *
 * @param from schema version before, 0 where there were no job tables
 * @param to schema version after
 * @param applied number of migrations that this call applied, 0 where there was nothing to do
 */
public record MigrationResult(int from, int to, int applied) {}
