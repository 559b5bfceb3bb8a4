package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the look of each second, and a tick, cost among 100,000 periodic jobs of which five are due. */
@PostgresTest
class PeriodicPlanTest {

    private static final String[] NONE = {};

    private static Supervisor supervisor;
    private static PeriodicTable table;

    @BeforeAll
    static void fill(TestDatabase database) throws InterruptedException {
        database.execute("""
                INSERT INTO periodic (name, schedule, kind, next_tick_at)
                SELECT 'n' || n, 'every 1h', 'k', now() + (n - 6) * interval '1 hour' + interval '30 minutes' FROM generate_series(1, ?) AS n
                """, 100_000);
        supervisor = Supervisor.start(Database.of(database.url()));
        supervisor.awaitUp(Duration.ofSeconds(20));
        table = new PeriodicTable(SchemaName.DEFAULT);
    }

    @AfterAll
    static void close() {
        supervisor.close();
    }

    @Test
    void look_readsTheHeadOfTheIndex() throws SQLException {
        Explain.assertReads(Explain.plan(supervisor, connection -> table.look(connection, NONE, true)), "periodic", 1);
    }

    @Test
    void due_readsWhatIsDue() throws SQLException {
        Explain.assertReads(Explain.plan(supervisor, connection -> table.due(connection, NONE, true)), "periodic", 5);
        List<PeriodicTable.Entry> due = supervisor.work(connection -> table.due(connection, NONE, true));
        assertThat(due).hasSize(5);
    }

    @Test
    void advance_readsItsEntry() throws SQLException {
        PeriodicTable.Entry entry =
                supervisor.work(connection -> table.due(connection, NONE, true)).get(0);
        TickPlan plan = new TickPlan(List.of(Instant.EPOCH), Instant.EPOCH, null);

        Explain.assertReads(
                Explain.plan(supervisor, connection -> table.advance(connection, entry, plan)), "periodic", 2);
    }
}
