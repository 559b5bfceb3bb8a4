package dev.millrace.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.Database;
import dev.millrace.job.ArgsException;
import dev.millrace.job.JobType;
import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.Schedule;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** Periodic jobs through whole workers. */
@PostgresTest
class PeriodicTest {

    record Note(String text) {}

    private static final JobType<Note> NOTE = JobType.of("note", Note.class);
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final PeriodicJob EVERY_SECOND = PeriodicJob.of(
                    "tick", Schedule.every(Duration.ofSeconds(1)), NOTE, new Note("now"))
            .missed(MissedTicks.ALL);

    private final TestDatabase database;
    private final List<String> seen = new CopyOnWriteArrayList<>();

    PeriodicTest(TestDatabase database) {
        this.database = database;
    }

    private Worker.Builder worker() {
        return Worker.builder(Database.of(database.url()))
                .handle(NOTE, (job, note) -> seen.add(String.valueOf(job.metadata())));
    }

    @Test
    void workers_leaderThatCloses_isSucceededWithoutATickLostOrDoubled() {
        try (Worker second = worker().periodic(EVERY_SECOND).build()) {
            try (Worker first = worker().periodic(EVERY_SECOND).build()) {
                first.start();
                await().atMost(SOON).until(() -> seen.size() >= 2);
                second.start();
            }
            int before = seen.size();
            await().atMost(SOON).until(() -> seen.size() >= before + 3);
        }

        assertThat(seen)
                .doesNotHaveDuplicates()
                .allSatisfy(metadata ->
                        assertThat(metadata).contains("\"periodic\": \"tick\"").contains("\"tick\": \"20"));
        assertThat(database.queryLong("""
                SELECT extract(epoch FROM max(scheduled_at) - min(scheduled_at))::bigint + 1 - count(*) FROM job WHERE kind = 'note'
                """)).isZero();
    }

    @Test
    void periodic_definedTwice_isRefused() {
        assertThatThrownBy(() -> worker().periodic(EVERY_SECOND).periodic(EVERY_SECOND))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Periodic job 'tick' is defined twice: name it once");
    }

    @Test
    void build_argsThatCanNotBeWritten_fails() {
        JobType<Object> any = JobType.of("any", Object.class);
        Worker.Builder builder = worker().periodic(
                        PeriodicJob.of("n", Schedule.every(Duration.ofHours(1)), any, new Object() {
                            @SuppressWarnings("unused") // Jackson calls it.
                            public String getText() {
                                throw new IllegalStateException("unreadable");
                            }
                        }));

        assertThatThrownBy(builder::build).isInstanceOf(ArgsException.class);
    }
}
