package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@PostgresTest(migrated = false)
class MigratorBesideFlywayTest {

    private static final SchemaName PUBLIC = new SchemaName("public");

    private final TestDatabase database;

    MigratorBesideFlywayTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void migrate_intoApplicationsSchema_neitherSeesTheOther(@TempDir Path migrations) throws Exception {
        Files.writeString(migrations.resolve("V1__orders.sql"), "CREATE TABLE orders (id bigint);");
        Flyway application = application(migrations);
        assertThat(application.migrate().migrationsExecuted).isEqualTo(1);

        Migrator migrator = Migrator.of(database.dataSource(), PUBLIC);
        assertThat(migrator.migrate())
                .isEqualTo(new MigrationResult(0, SchemaVersion.REQUIRED, MigrationScript.ALL.size()));
        migrator.validate();

        Files.writeString(migrations.resolve("V2__lines.sql"), "CREATE TABLE order_lines (id bigint);");
        Flyway later = application(migrations);
        assertThat(later.migrate().migrationsExecuted).isEqualTo(1);
        later.validate();
        assertThat(migrator.migrate().applied()).isZero();
        migrator.validate();

        Migrator another = Migrator.of(database.dataSource(), SchemaName.DEFAULT);
        assertThat(another.migrate().applied()).isEqualTo(MigrationScript.ALL.size());
        assertThat(database.in(PUBLIC).queryLong("SELECT count(*) FROM orders, job, millrace.job"))
                .isZero();
    }

    private Flyway application(Path migrations) {
        return Flyway.configure()
                .dataSource(database.dataSource())
                .locations("filesystem:" + migrations)
                .load();
    }
}
