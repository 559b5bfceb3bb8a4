package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

@PostgresTest
class PostgresTestTest {

    private static String nameBeforeAll = "";

    private final TestDatabase database;

    PostgresTestTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeAll
    static void remember(TestDatabase database) {
        nameBeforeAll = database.name();
    }

    @Test
    void database_asParameter_isTheSameEverywhere(TestDatabase parameter) {
        assertThat(parameter).isSameAs(database);
        assertThat(parameter.name()).isEqualTo(nameBeforeAll);
        assertThat(parameter.schema()).isEqualTo(SchemaName.DEFAULT);
    }

    @Test
    void database_migrated_hasTablesInHelpersSearchPath() {
        database.execute("INSERT INTO job (kind, metadata) VALUES (?, ?::jsonb)", "helpers", null);

        assertThat(database.queryLong("SELECT count(*) FROM job WHERE kind = ?", "helpers"))
                .isEqualTo(1);
        assertThat(database.queryString("SELECT metadata FROM job WHERE kind = 'helpers'"))
                .isNull();
        assertThat(database.query("SELECT kind, state FROM job WHERE kind = 'helpers'"))
                .singleElement()
                .hasToString("{kind=helpers, state=available}");
    }

    @Test
    void connection_ofTest_isNamedTestAndOutsideOfSchema() throws SQLException {
        try (Connection session = database.connect();
                var row = session.createStatement()
                        .executeQuery("SELECT current_setting('application_name'), to_regclass('job') IS NULL")) {
            row.next();
            assertThat(row.getString(1)).isEqualTo("test");
            assertThat(row.getBoolean(2)).isTrue();
        }
    }

    @Nested
    class NestedClass {

        @Test
        void database_inNestedClass_isTheOuterOne(TestDatabase parameter) {
            assertThat(parameter.name()).isEqualTo(nameBeforeAll);
        }
    }
}
