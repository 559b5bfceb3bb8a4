package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.job.JacksonArgsCodec;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AttemptErrorTest {

    private static final LeasedJob JOB = new LeasedJob(
            1,
            2,
            "default",
            "kind",
            "{}",
            2,
            3,
            25,
            Instant.EPOCH,
            Instant.EPOCH,
            List.of(),
            null,
            null,
            null,
            Duration.ZERO);

    private final AttemptError errors = new AttemptError("host/1");

    private Map<?, ?> stored(Throwable error) {
        return (Map<?, ?>) new JacksonArgsCodec().decode(errors.of(JOB, error), Map.class);
    }

    @Test
    void error_withCauses_keepsClassMessageTraceWorkerAndTime() {
        Map<?, ?> error = stored(new IllegalStateException("outer", new IllegalArgumentException("inner")));

        assertThat(error.get("attempt")).isEqualTo(3);
        assertThat(error.get("worker")).isEqualTo("host/1");
        assertThat(error.get("type")).isEqualTo("java.lang.IllegalStateException");
        assertThat(error.get("message")).isEqualTo("outer");
        assertThat(Instant.parse(String.valueOf(error.get("at")))).isBeforeOrEqualTo(Instant.now());
        assertThat(String.valueOf(error.get("trace")))
                .contains("Caused by: java.lang.IllegalArgumentException: inner\n");
    }

    @Test
    void error_whatPostgresRefuses_isReplacedInCausesToo() {
        String bad = "nul \0 high \ud800 low \udc00";
        Throwable cause = new IllegalArgumentException(bad);
        cause.addSuppressed(new IllegalStateException("suppressed " + bad));
        Map<?, ?> error = stored(new IllegalStateException(bad, cause));

        assertThat(error.get("message")).isEqualTo("nul \ufffd high \ufffd low \ufffd");
        assertThat(String.valueOf(error.get("trace")))
                .contains(
                        "Caused by: java.lang.IllegalArgumentException: nul \ufffd high \ufffd low \ufffd",
                        "suppressed nul \ufffd")
                .doesNotContain("\0", "\ud800", "\udc00");
    }

    @Test
    void error_anyLength_isBounded() {
        Throwable error = new IllegalStateException("x".repeat(1_000_000));
        for (int i = 0; i < 100; i++) {
            error = new IllegalStateException("y".repeat(10_000), error);
        }

        assertThat(errors.of(JOB, error)).hasSizeLessThan(12_000);
    }

    @Test
    void error_causesWithoutEnd_areStillAnError() {
        Throwable error = new IllegalStateException("first");
        for (int i = 0; i < 100_000; i++) {
            error = new IllegalStateException("next", error);
        }

        assertThat(stored(error).get("type")).isEqualTo("java.lang.IllegalStateException");
    }

    @Test
    void error_causesInACircle_areStillAnError() {
        Throwable inner = new IllegalStateException("inner");
        inner.initCause(new IllegalStateException("outer", inner));

        assertThat(String.valueOf(stored(inner).get("trace")))
                .contains("Caused by: (a circle) java.lang.IllegalStateException: inner");
    }

    @Test
    void trace_framesOfTheEngine_areLeftOutWhereverTheyStand() {
        Throwable error = new IllegalStateException("broken");
        error.setStackTrace(new StackTraceElement[] {
            frame("com.example.Mailer", "send"),
            frame("dev.millrace.worker.engine.Lending", "inTransaction"),
            frame("com.example.SendEmail", "handle"),
            frame("dev.millrace.worker.handler.Handlers", "lambda$handle$0"),
            frame("dev.millrace.worker.engine.Runner", "call"),
            frame("dev.millrace.worker.InterceptorTest", "kept"),
            new StackTraceElement(null, "java.base", "17", "java.lang.Thread", "run", "Thread.java", 840),
        });

        assertThat(String.valueOf(stored(error).get("trace")).lines())
                .containsExactly(
                        "java.lang.IllegalStateException: broken",
                        "\tat com.example.Mailer.send(Source.java:1)",
                        "\tat com.example.SendEmail.handle(Source.java:1)",
                        "\tat dev.millrace.worker.InterceptorTest.kept(Source.java:1)");
    }

    private static StackTraceElement frame(String type, String method) {
        return new StackTraceElement(type, method, "Source.java", 1);
    }

    @Test
    void trace_fromDeepDown_leavesRoomForTheCauseAndIsNotRepeatedInIt() {
        StackTraceElement[] deep = IntStream.range(0, 500)
                .mapToObj(i -> frame("com.example.Framework", "call" + i))
                .toArray(StackTraceElement[]::new);
        Throwable cause = new IllegalArgumentException("the reason");
        cause.setStackTrace(Stream.concat(Stream.of(frame("com.example.Cause", "find")), Stream.of(deep))
                .toArray(StackTraceElement[]::new));
        Throwable error = new IllegalStateException("broken", cause);
        error.setStackTrace(deep);

        assertThat(String.valueOf(stored(error).get("trace")).lines())
                .hasSize(1 + 30 + 1 + 3)
                .endsWith(
                        "\t... 470 more",
                        "Caused by: java.lang.IllegalArgumentException: the reason",
                        "\tat com.example.Cause.find(Source.java:1)",
                        "\t... 500 more");
    }

    @Test
    void error_thatThrowsErrorsWhenRead_isStillAnError() {
        Throwable error = new IllegalStateException() {
            private static final long serialVersionUID = 1L;

            @Override
            public String getMessage() {
                throw new LinkageError("not even the message");
            }
        };

        assertThat(String.valueOf(stored(error).get("message"))).contains("can't be read");
    }
}
