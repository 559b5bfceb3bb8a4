package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Random operations of producers, workers, a leader and operators on a real PostgreSQL, each compared with {@link QueueModel}:
 * what it answers, and the whole of the table after it. Workers die before and after their commits, come back too late with old
 * leases, and hold claims open while others go on. The seed of a run that fails is in its message; {@code -Dmodel.seed} runs it
 * again, {@code -Dmodel.operations} says how many.
 */
@PostgresTest
class ModelTest {

    private static final int OPERATIONS = Integer.getInteger("model.operations", 20_000);

    private final TestDatabase database;

    ModelTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void randomOperations_doWhatTheModelDoes() throws SQLException {
        long seed = Long.getLong("model.seed", new SplittableRandom().nextLong());
        try (ModelRun run = new ModelRun(database, SchemaName.DEFAULT, seed)) {
            int done = 0;
            try {
                for (; done < OPERATIONS; done++) {
                    run.step();
                }
            } catch (AssertionError | SQLException failure) {
                throw new AssertionError(
                        "seed " + seed + ", operation " + done + " (after " + run.last() + "): " + failure.getMessage(),
                        failure);
            }
            System.out.println("ModelTest: " + OPERATIONS + " operations, seed " + seed + ": " + run.summary());
            assertThat(run.kindsOfOperations()).isEqualTo(ModelRun.OPERATIONS);
        }
    }
}
