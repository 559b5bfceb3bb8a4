package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import org.junit.jupiter.api.Test;

@PostgresTest
class BareLoopTest {

    /** The loop sweeps for a last time this long after its first claim at the earliest; less what the jobs themselves take. */
    private static final Duration IDLE = Duration.ofMillis(250);

    private final TestDatabase database;

    BareLoopTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void drain_whileItLooksForMore_isNotTimed() throws Exception {
        // Where the machine pauses, the jobs may take so long that there is little left to wait for.
        long idleNanos = drain();
        for (int again = 0; again < 4 && idleNanos < IDLE.toNanos(); again++) {
            idleNanos = drain();
        }
        assertThat(Duration.ofNanos(idleNanos)).isGreaterThanOrEqualTo(IDLE);
    }

    /** How much of it is not timed. */
    private long drain() throws Exception {
        database.execute("TRUNCATE job");
        database.execute("INSERT INTO job (kind, queue) SELECT 'bare', 'bare' FROM generate_series(1, 30)");
        BareLoop loop = new BareLoop(Database.of(database.url()).withSchema(database.schema()), true);

        long beganNanos = System.nanoTime();
        BareLoop.Drained drained = loop.drain("bare", "bare", 2, 10);
        long tookNanos = System.nanoTime() - beganNanos;

        assertThat(drained.jobs()).isEqualTo(30);
        assertThat(database.queryLong("SELECT count(*) FROM job WHERE queue = 'bare' AND state = 'completed'"))
                .isEqualTo(30);
        long timedNanos = drained.endedNanos() - drained.beganNanos();
        assertThat(timedNanos).isBetween(1L, tookNanos - 1);
        assertThat(drained.perSecond()).isGreaterThan(30e9 / tookNanos);
        return tookNanos - timedNanos;
    }
}
