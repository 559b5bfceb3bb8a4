package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.migrations.SchemaVersion;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.Map;
import org.junit.jupiter.api.Test;

@PostgresTest(migrated = false)
class MigrateCommandTest {

    private final TestDatabase database;

    MigrateCommandTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void migrate_emptyDatabaseThenAgain_saysWhatHappened() {
        assertThat(run("one").done().out())
                .isEqualToIgnoringNewLines(
                        "Schema one: version 0 → %1$d, %1$d migrations applied".formatted(SchemaVersion.REQUIRED));
        assertThat(run("one").done().out())
                .isEqualToIgnoringNewLines("Schema one is up to date at version " + SchemaVersion.REQUIRED);
    }

    @Test
    void status_beforeAndAfter_isATable() {
        assertThat(run("two", "--status").done().out())
                .contains("Schema two: version 0, this program needs " + SchemaVersion.REQUIRED, "VERSION")
                .containsPattern("1 +pending +");
        run("two").done();
        assertThat(run("two", "--status").done().out())
                .contains("Schema two: version %1$d, this program needs %1$d".formatted(SchemaVersion.REQUIRED))
                .containsPattern("1 +applied +20\\d\\d-");
    }

    @Test
    void validate_missingThenMigratedThenNewer_isStatus4And0And4() {
        run("three", "--validate").failed(4, "Schema \"three\" has no job tables");
        run("three").done();
        assertThat(run("three", "--validate").done().out()).isEqualToIgnoringNewLines("Schema three is valid");
        database.execute("INSERT INTO three.millrace_version (version) VALUES (99)");
        run("three", "--validate").failed(4, "newer than the version " + SchemaVersion.REQUIRED);
        run("three").failed(4, "newer than the version " + SchemaVersion.REQUIRED);
    }

    @Test
    void migrate_json_isOneObject() {
        assertThat(run("six", "--json").done().out())
                .isEqualTo("{\"schema\":\"six\",\"from\":0,\"to\":%1$d,\"applied\":%1$d}\n"
                        .formatted(SchemaVersion.REQUIRED));
        assertThat(run("six", "--validate", "--json").done().out()).isEqualTo("{\"schema\":\"six\",\"valid\":true}\n");
        assertThat(JsonText.JSON
                        .readTree(run("six", "--status", "--json").done().out())
                        .get("migrations")
                        .get(0)
                        .get("state")
                        .asString())
                .isEqualTo("applied");
    }

    @Test
    void migrate_atATerminal_saysHowFarItIs() {
        Outcome outcome =
                Outcome.answered(Map.of("MILLRACE_DATABASE_URL", database.url()), "", "migrate", "--schema", "seven");

        assertThat(outcome.status()).isZero();
        assertThat(outcome.err())
                .startsWith("\r\u001b[KMigrating: 1, job tables")
                .endsWith("\r\u001b[K");
    }

    @Test
    void migrate_withoutTheRight_isStatus1() {
        database.execute("CREATE ROLE cli_no_rights LOGIN PASSWORD 'hush'");
        try {
            String url = database.url()
                    .replaceAll("user=[^&]*", "user=cli_no_rights")
                    .replaceAll("password=[^&]*", "password=hush");
            Outcome.of(Map.of(), "migrate", "--database-url", url, "--schema", "four")
                    .failed(1, "lacks a right")
                    .without("hush");
        } finally {
            database.execute("DROP ROLE cli_no_rights");
        }
    }

    @Test
    void migrate_flagAndEnvironment_flagWins() {
        Map<String, String> environment = Map.of(
                "MILLRACE_DATABASE_URL", "postgresql://127.0.0.1:1/nothing", "MILLRACE_SCHEMA", "from_environment");

        Outcome.of(environment, "migrate", "--database-url", database.url(), "--schema", "from_flag")
                .done();
        Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url(), "MILLRACE_SCHEMA", "from_environment"), "migrate")
                .done();

        assertThat(database.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'from%' ORDER BY 1"))
                .extracting(row -> row.get("nspname"))
                .containsExactly("from_environment", "from_flag");
    }

    @Test
    void migrate_libpqUrl_works() {
        String hostAndDatabase = database.url().replaceAll("jdbc:postgresql://([^?]*).*", "$1");
        String credentials = parameter("user") + ":" + parameter("password");

        Outcome.of(
                        Map.of(),
                        "migrate",
                        "--database-url",
                        "postgresql://" + credentials + "@" + hostAndDatabase,
                        "--schema",
                        "five")
                .done();
    }

    private String parameter(String name) {
        return database.url().replaceAll(".*[?&]" + name + "=([^&]*).*", "$1");
    }

    private Outcome run(String schema, String... more) {
        String[] args = new String[more.length + 3];
        args[0] = "migrate";
        args[1] = "--schema";
        args[2] = schema;
        System.arraycopy(more, 0, args, 3, more.length);
        return Outcome.of(Map.of("MILLRACE_DATABASE_URL", database.url()), args);
    }
}
