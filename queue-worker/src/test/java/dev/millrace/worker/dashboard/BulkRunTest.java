package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.worker.http.AuditLog;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BulkRunTest {

    private final AuditLog audit = new AuditLog();

    /** A run with a fault: it has no jobs to ask. */
    @SuppressWarnings("NullAway")
    private BulkRun faulty() {
        JobSearch search = JobSearch.of(Map.of("kind", List.of("k")));
        return new BulkRun(1, BulkRun.Verb.CANCEL, search, "ann", "::1", null, audit);
    }

    @Test
    void run_withAFault_hasFailed() {
        BulkRun run = faulty();
        run.run();
        assertThat(run.isOver()).isTrue();
        assertThat(run.stage()).isEqualTo(BulkRun.Stage.FAILED);
        assertThat(run.failure()).contains("the log of this process");
        assertThat(audit.recent()).singleElement().satisfies(entry -> {
            assertThat(entry.who()).isEqualTo("ann");
            assertThat(entry.action()).isEqualTo("cancel jobs: the end");
            assertThat(entry.result()).isEqualTo("failed, no jobs");
        });
    }

    @Test
    void run_stoppedBefore_asksForNothing() {
        BulkRun run = faulty();
        run.stop();
        run.run();
        assertThat(run.stage()).isEqualTo(BulkRun.Stage.STOPPED);
        assertThat(audit.recent())
                .singleElement()
                .satisfies(entry -> assertThat(entry.result()).isEqualTo("stopped, no jobs"));
    }
}
