package dev.millrace.worker.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** That neither limits of the server nor the end of a session cost the figures that were measured. */
@PostgresTest
class BenchSchemaTest {

    private static final String LOCK_HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
            + " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

    private final TestDatabase database;
    private final List<String> told = new ArrayList<>();
    private final Progress progress = new Progress(told::add);

    BenchSchemaTest(TestDatabase database) {
        this.database = database;
    }

    private Database connected() {
        return Database.of(database.url()).withSchema(database.schema());
    }

    private long schemas() {
        return database.queryLong("SELECT count(*) FROM pg_namespace WHERE nspname = ?", database.schema() + "_bench");
    }

    /** Returns when it is gone. */
    private void endSessionOfTheLock() {
        assertThat(database.queryLong(
                        "SELECT pg_terminate_backend(pid, 10000)::int FROM (" + LOCK_HOLDER + ") AS holder"))
                .isEqualTo(1);
    }

    @Test
    void close_sessionHasEnded_removesTheSchemaInAnother() {
        BenchSchema schema = BenchSchema.create(connected(), progress);
        endSessionOfTheLock();

        schema.close();
        schema.close();

        assertThat(schemas()).isZero();
        assertThat(told).containsExactly("removing the schema of the benchmark");
    }

    @Test
    void close_anotherRunHasTheSchemaByNow_leavesItAndSaysSo() {
        BenchSchema schema = BenchSchema.create(connected(), progress);
        endSessionOfTheLock();
        try (BenchSchema other = BenchSchema.create(connected(), new Progress(line -> {}))) {
            schema.close();

            assertThat(schemas()).isEqualTo(1);
            assertThat(told).last().asString().contains("is not removed", "Another benchmark runs");
            assertThat(other.database().schema()).isEqualTo(schema.database().schema());
        }
        assertThat(schemas()).isZero();
    }

    @Test
    void open_limitsOfTheDatabase_doNotHold() throws SQLException {
        List<String> limits = List.of(
                "statement_timeout", "lock_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout");
        limits.forEach(
                limit -> database.execute("ALTER DATABASE \"" + database.name() + "\" SET " + limit + " = '1min'"));
        try (Connection session = Sessions.open(connected());
                Statement statement = session.createStatement()) {
            for (String limit : limits) {
                try (ResultSet row = statement.executeQuery("SHOW " + limit)) {
                    row.next();
                    assertThat(row.getString(1)).as(limit).isEqualTo("0");
                }
            }
        } finally {
            database.execute("ALTER DATABASE \"" + database.name() + "\" RESET ALL");
        }
    }
}
