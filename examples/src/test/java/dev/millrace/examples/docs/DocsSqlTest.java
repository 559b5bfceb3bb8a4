package dev.millrace.examples.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.examples.docs.Guides.Block;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every SQL block of the guides runs, and every setting they name is one of PostgreSQL's. */
@PostgresTest
class DocsSqlTest {

    private final TestDatabase database;

    DocsSqlTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void write() throws SQLException {
        GuideJobs.write(database.url());
        PeerTables.create(database);
    }

    /** Each in a transaction that is rolled back, so none depends on another. */
    @Test
    void sql_runs() throws SQLException {
        List<Block> blocks = Guides.blocks("sql");
        List<String> failures = new ArrayList<>();
        assertThat(blocks).hasSizeGreaterThan(30);
        try (Connection session = database.connect()) {
            session.setAutoCommit(false);
            for (Block block : blocks) {
                try (Statement statement = session.createStatement()) {
                    statement.execute(block.text());
                } catch (SQLException e) {
                    failures.add(block.place() + ": " + e.getMessage());
                }
                session.rollback();
            }
        }
        assertThat(failures).isEmpty();
    }

    /** Blocks of PostgreSQL's configuration, {@code name = value}. */
    @Test
    void settings_exist() {
        Set<Object> known = database.query("SELECT name FROM pg_settings").stream()
                .map(row -> row.get("name"))
                .collect(Collectors.toSet());
        for (Block block : Guides.blocks("conf")) {
            for (String line : block.text().lines().toList()) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    assertThat(known).as(block.place()).contains(line.replaceAll("\\s*=.*", ""));
                }
            }
        }
    }
}
