package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static dev.millrace.worker.WorkerRig.SOON;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.handler.Result;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class InterceptorTest {

    private final TestDatabase database;
    private final TestSignal<String> seen = new TestSignal<>();
    private WorkerRig rig;

    InterceptorTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() {
        rig = new WorkerRig(database);
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
    }

    @Test
    void intercept_two_goAroundTheHandlerInTheirOrder() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .intercept((job, args, next) -> {
                    seen.accept("outer in " + job.kind());
                    Result result = next.proceed(args);
                    seen.accept("outer out");
                    return result;
                })
                .intercept((job, args, next) -> {
                    seen.accept("inner in");
                    Result result = next.proceed(args);
                    seen.accept("inner out");
                    return result;
                })
                .handle(NUMBER, (job, number) -> seen.accept("handler " + number.n())));

        rig.awaitState("completed", 1);
        assertThat(seen.all()).containsExactly("outer in number", "inner in", "handler 1", "inner out", "outer out");
    }

    @Test
    void intercept_argsThatNoCodecReads_canBeChangedBeforeTheyAreDecoded() {
        database.execute("INSERT INTO job (kind, args) VALUES ('number', '\"sealed 7\"')");
        rig.start(rig.worker()
                .intercept((job, args, next) -> next.proceed("{\"n\": " + args.replaceAll("\\D", "") + "}"))
                .handle(NUMBER, (job, number) -> seen.accept("opened " + number.n())));

        assertThat(seen.await(SOON)).isEqualTo("opened 7");
        rig.awaitState("completed", 1);
    }

    @Test
    void intercept_resultOfItsOwn_holdsWithOrWithoutTheHandler() {
        rig.enqueue(1);
        rig.enqueue(2);
        rig.start(rig.worker()
                .intercept((job, args, next) -> args.contains("1")
                        ? Result.cancel("filtered")
                        : next.proceed(args) instanceof Result.Done
                                ? Result.done(Map.of("wrapped", true))
                                : Result.done())
                .handle(NUMBER, (job, number) -> seen.accept("handler " + number.n())));

        rig.awaitState("cancelled", 1);
        rig.awaitState("completed", 1);
        assertThat(seen.all()).containsExactly("handler 2");
        assertThat(database.queryString("SELECT output::text FROM job WHERE state = 'completed'"))
                .isEqualTo("{\"wrapped\": true}");
    }

    @Test
    void intercept_exceptionOrErrorOrNull_isAFailedAttemptAndCostsNoSlot() {
        rig.millrace().enqueueAll(NUMBER, IntStream.range(0, 9).mapToObj(WorkerRig.Number::new));
        rig.start(rig.worker()
                .queue("default", 1)
                .intercept((job, args, next) -> {
                    if (job.attempt() > 1) {
                        return next.proceed(args);
                    }
                    switch ((int) (job.id() % 3)) {
                        case 0 -> throw new IllegalStateException("interceptor");
                        case 1 -> throw new NoClassDefFoundError("interceptor");
                        default -> {
                            return nothing();
                        }
                    }
                })
                .handle(NUMBER, (job, number) -> {}, RetryPolicy.fixed(Duration.ZERO)));

        rig.awaitState("completed", 9);
        assertThat(database.queryLong(
                        "SELECT count(*) FROM job WHERE attempt = 2 AND errors->0->>'message' LIKE '%interceptor%'"))
                .isEqualTo(9);
    }

    @SuppressWarnings("NullAway") // what code without null checks may do
    private static Result nothing() {
        return null;
    }

    @Test
    void intercept_fromAHandlerJar_goesAroundAllHandlersOfTheWorker() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .handle(NUMBER, (job, number) -> seen.accept("handler"))
                .handlers(handlers -> handlers.intercept((job, args, next) -> {
                    seen.accept("around");
                    return next.proceed(args);
                })));

        rig.awaitState("completed", 1);
        assertThat(seen.all()).containsExactly("around", "handler");
    }

    @Test
    void intercept_thatHangs_isStoppedByTheJobsTimeout() {
        CountDownLatch never = new CountDownLatch(1);
        rig.millrace()
                .enqueue(NUMBER, new WorkerRig.Number(1), o -> o.maxAttempts(1).timeout(Duration.ofMillis(100)));
        rig.start(rig.worker()
                .intercept((job, args, next) -> {
                    never.await();
                    return next.proceed(args);
                })
                .handle(NUMBER, (job, number) -> {}));

        rig.awaitState("discarded", 1);
        assertThat(rig.error("type")).isEqualTo("timeout");
    }

    @Test
    void intercept_changedResults_areJudgedLikeTheHandlersOwn() {
        rig.enqueue(1);
        rig.start(rig.worker()
                .maxOutputBytes(10)
                .intercept((job, args, next) -> {
                    next.proceed(args);
                    return Result.done(List.of("larger than ten bytes"));
                })
                .handle(NUMBER, (job, number) -> {}));

        rig.awaitState("completed", 1);
        assertThat(rig.error("type")).isEqualTo("output_too_large");
    }
}
