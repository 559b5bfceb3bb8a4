package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.connection.Timeouts;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * What a claim of 100 costs at a backlog of ten thousand and of a million, and with a million jobs of unknown kinds before the known
 * ones. Prints the figures that docs/design-decisions.md states; asserts on pages read, not on time.
 */
@PostgresTest
class ClaimCostTest {

    private static final int BATCH = 100;
    private static final int RUNS = 9;

    /** A sweep over a million jobs may take its time. */
    private static final Timeouts LONG = new Timeouts(
            Duration.ofSeconds(2),
            Duration.ofSeconds(60),
            Duration.ofSeconds(70),
            Duration.ofSeconds(80),
            Duration.ofSeconds(10),
            Duration.ofSeconds(3),
            Duration.ofSeconds(8),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5));

    private static TestDatabase database;
    private static Supervisor supervisor;
    private static JobTable table;

    @BeforeAll
    static void connect(TestDatabase given) throws InterruptedException {
        database = given;
        supervisor = Supervisor.start(Database.of(database.url()).withTimeouts(LONG));
        supervisor.awaitUp(Duration.ofSeconds(20));
        table = new JobTable(SchemaName.DEFAULT);
    }

    @AfterAll
    static void close() {
        supervisor.close();
    }

    private record Cost(double millis, double pages) {}

    @Test
    void claim_costsTheSameAtAnyBacklogAndBehindUnknownKinds() throws SQLException {
        insert("known", 10_000);
        Cost small = cost("known", 0);
        insert("known", 990_000);
        Cost large = cost("known", 0);

        long floor = database.queryLong("SELECT last_value FROM job_seq");
        insert("rare", 1_000);
        Cost behindUnknown = cost("rare", floor);
        Cost sweep = cost("rare", 0);

        System.out.printf(
                "claim of %d at a backlog of 10,000: %.2f ms, %.0f pages%n", BATCH, small.millis(), small.pages());
        System.out.printf(
                "claim of %d at a backlog of 1,000,000: %.2f ms, %.0f pages%n", BATCH, large.millis(), large.pages());
        System.out.printf(
                "claim of %d from the floor, behind 1,000,000 jobs of unknown kind: %.2f ms, %.0f pages%n",
                BATCH, behindUnknown.millis(), behindUnknown.pages());
        System.out.printf(
                "sweep of %d over 1,000,000 jobs of unknown kind: %.2f ms, %.0f pages%n",
                BATCH, sweep.millis(), sweep.pages());
        assertThat(large.pages()).isLessThan(2 * small.pages());
        assertThat(behindUnknown.pages()).isLessThan(2 * small.pages());
    }

    private static void insert(String kind, int count) {
        database.execute(
                "INSERT INTO job (kind, args) SELECT ?, jsonb_build_object('n', n, 'pad', repeat('x', 120)) FROM generate_series(1, ?) AS n",
                kind,
                count);
    }

    /** Medians, each run rolled back. */
    private static Cost cost(String kind, long floor) throws SQLException {
        double[] millis = new double[RUNS];
        double[] pages = new double[RUNS];
        for (int run = 0; run < RUNS; run++) {
            JsonNode plan = Explain.plan(
                    supervisor,
                    connection -> table.claim(
                            connection,
                            "default",
                            connection.createArrayOf("text", new String[] {kind}),
                            BATCH,
                            Explain.from(floor),
                            "w"));
            assertThat(Explain.locked(plan)).isEqualTo(BATCH);
            millis[run] = plan.path("Actual Total Time").asDouble();
            pages[run] = plan.path("Shared Hit Blocks").asDouble()
                    + plan.path("Shared Read Blocks").asDouble();
        }
        Arrays.sort(millis);
        Arrays.sort(pages);
        return new Cost(millis[RUNS / 2], pages[RUNS / 2]);
    }
}
