package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * While a snapshot is open nothing that was claimed can be cleaned up, and a claim from the head of the queue walks over all of it. A
 * claim from the floor reads no more than the first one did.
 */
@PostgresTest
class OldSnapshotTest {

    private static final int JOBS = 30_000;
    private static final int BATCH = 500;
    private static final String[] KINDS = {"k"};

    private final TestDatabase database;
    private final JobTable table = new JobTable(SchemaName.DEFAULT, new Settings());

    OldSnapshotTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void claims_underAnOpenSnapshot_stayAsCheapAsTheFirst() throws Exception {
        database.execute("INSERT INTO job (kind) SELECT 'k' FROM generate_series(1, ?)", JOBS);
        database.execute("ANALYZE job_available");
        Supervisor supervisor = Supervisor.start(Database.of(database.url()));
        try (Connection reader = database.connect();
                Statement statement = reader.createStatement()) {
            supervisor.awaitUp(Duration.ofSeconds(20));
            reader.setAutoCommit(false);
            reader.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            statement.execute("SELECT count(*) FROM millrace.job");

            Floors floors = new Floors();
            long first = pages(supervisor, floors.floored());
            int left = JOBS;
            while (left > 2 * BATCH) {
                Floors.Range range = floors.floored();
                long began = System.nanoTime();
                List<LeasedJob> claimed = supervisor.work(connection ->
                        table.claim(connection, "default", connection.createArrayOf("text", KINDS), BATCH, range, "w"));
                floors.claimed(range, claimed, claimed.size() == BATCH, began, System.nanoTime());
                left -= claimed.size();
                assertThat(claimed).hasSize(BATCH);
            }
            database.execute("VACUUM job_available");
            long last = pages(supervisor, floors.floored());
            long fromTheHead = pages(supervisor, floors.sweep());

            System.out.printf(
                    "claim of %d under an open snapshot: first %d pages, last %d, from the head %d%n",
                    BATCH, first, last, fromTheHead);
            assertThat(last).isLessThan(2 * first);
            assertThat(fromTheHead).as("the snapshot keeps dead rows").isGreaterThan(last);
            reader.rollback();
        } finally {
            supervisor.close();
        }
    }

    private long pages(Supervisor supervisor, Floors.Range range) throws SQLException {
        JsonNode plan = Explain.plan(
                supervisor,
                connection ->
                        table.claim(connection, "default", connection.createArrayOf("text", KINDS), BATCH, range, "w"));
        return plan.path("Shared Hit Blocks").asLong()
                + plan.path("Shared Read Blocks").asLong();
    }
}
