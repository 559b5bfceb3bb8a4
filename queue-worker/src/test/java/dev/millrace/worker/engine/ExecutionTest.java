package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class ExecutionTest {

    private final TestDatabase database;
    private Supervisor supervisor;

    ExecutionTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() {
        supervisor = Supervisor.start(Database.of(database.url()));
    }

    @AfterEach
    void close() {
        supervisor.close();
    }

    private Execution running() {
        LeasedJob job = Leased.job(1, 1);
        Execution execution = new Execution(
                job,
                new JobTable(SchemaName.DEFAULT, new Settings()),
                new Outputs(new JacksonArgsCodec(), 1_000),
                new Lending(supervisor));
        execution.begin(Thread.currentThread());
        return execution;
    }

    /** The lease was renewed since, and the handler goes on: its timeout and an operator's cancel must still reach it. */
    @Test
    void cancelForTheLease_isReplacedByOneForTheJob_andOnlyByThat() {
        Execution execution = running();
        assertThat(execution.cancel(Execution.Cause.LEASE)).isTrue();
        assertThat(execution.cancel(Execution.Cause.LEASE)).isFalse();
        assertThat(execution.cancel(Execution.Cause.CLOSE)).isFalse();
        assertThat(execution.isStuck(Duration.ZERO)).isFalse();

        assertThat(execution.cancel(Execution.Cause.OPERATOR)).isTrue();

        assertThat(execution.cause()).isEqualTo(Execution.Cause.OPERATOR);
        assertThat(execution.cancel(Execution.Cause.TIMEOUT)).isFalse();
        assertThat(execution.isStuck(Duration.ZERO)).isTrue();
    }
}
