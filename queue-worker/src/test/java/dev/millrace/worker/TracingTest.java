package dev.millrace.worker;

import static dev.millrace.worker.WorkerRig.NUMBER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetryPolicy;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.testing.TestSignal;
import dev.millrace.worker.WorkerRig.Number;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.tracing.MillraceTracing;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.context.propagation.TextMapSetter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.sql.Connection;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
@SuppressWarnings("try") // scopes are held, not used
class TracingTest {

    private final TestDatabase database;
    private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
    private final OpenTelemetrySdk openTelemetry = OpenTelemetrySdk.builder()
            .setTracerProvider(SdkTracerProvider.builder()
                    .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                    .build())
            .setPropagators(ContextPropagators.create(TextMapPropagator.composite(
                    W3CTraceContextPropagator.getInstance(), W3CBaggagePropagator.getInstance())))
            .build();
    private final MillraceTracing tracing = MillraceTracing.of(openTelemetry);
    private final TestSignal<Span> handled = new TestSignal<>();
    private WorkerRig rig;
    private Millrace millrace;

    TracingTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void open() {
        rig = new WorkerRig(database);
        millrace = rig.open(
                Millrace.builder(Database.of(database.url())).intercept(tracing).connect());
    }

    @AfterEach
    void close() throws Exception {
        rig.close();
        openTelemetry.close();
    }

    @Test
    void enqueueAndAttempt_oneJob_areTwoTracesThatAreLinked() {
        long id = millrace.enqueue(NUMBER, new Number(1), o -> o.queue("default"));
        start(tracing);
        rig.awaitState("completed", 1);

        SpanData enqueue = span("enqueue default");
        assertThat(enqueue.getKind()).isEqualTo(SpanKind.PRODUCER);
        assertThat(enqueue.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
        assertAttributes(enqueue, "messaging.operation.name", "enqueue", "messaging.operation.type", "send");
        assertAttributes(enqueue, "messaging.system", "millrace", "messaging.destination.name", "default");
        assertAttributes(enqueue, "messaging.message.id", "" + id, "messaging.millrace.kind", "number");
        SpanData attempt = span("process default");
        assertThat(attempt.getKind()).isEqualTo(SpanKind.CONSUMER);
        assertThat(attempt.getParentSpanContext().isValid()).isFalse();
        assertThat(attempt.getTraceId()).isNotEqualTo(enqueue.getTraceId());
        assertThat(attempt.getLinks())
                .singleElement()
                .satisfies(link -> assertThat(link.getSpanContext().getSpanId()).isEqualTo(enqueue.getSpanId()));
        assertAttributes(attempt, "messaging.operation.name", "process", "messaging.operation.type", "process");
        assertAttributes(attempt, "messaging.system", "millrace", "messaging.destination.name", "default");
        assertAttributes(attempt, "messaging.message.id", "" + id, "messaging.millrace.kind", "number");
        assertAttributes(attempt, "messaging.millrace.outcome", "done", "error.type", null);
        assertThat(attempt.getAttributes().get(AttributeKey.longKey("messaging.millrace.attempt")))
                .isEqualTo(1);
        assertThat(handled.await(WorkerRig.SOON).getSpanContext().getSpanId())
                .as("current in the handler")
                .isEqualTo(attempt.getSpanId());
    }

    @Test
    void enqueue_propagatorThatThrows_endsItsSpan() {
        TextMapPropagator broken = new TextMapPropagator() {
            @Override
            public Collection<String> fields() {
                return List.of();
            }

            @Override
            public <C> void inject(Context context, @Nullable C carrier, TextMapSetter<C> setter) {
                throw new IllegalStateException("no context");
            }

            @Override
            public <C> Context extract(Context context, @Nullable C carrier, TextMapGetter<C> getter) {
                return context;
            }
        };
        OpenTelemetry with = new OpenTelemetry() {
            @Override
            public TracerProvider getTracerProvider() {
                return openTelemetry.getTracerProvider();
            }

            @Override
            public ContextPropagators getPropagators() {
                return ContextPropagators.create(broken);
            }
        };
        Millrace traced = rig.open(Millrace.builder(Database.of(database.url()))
                .intercept(MillraceTracing.of(with))
                .connect());

        assertThatThrownBy(() -> traced.enqueue(NUMBER, new Number(1))).hasMessage("no context");

        assertThat(span("enqueue").getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(Span.current().getSpanContext().isValid()).isFalse();
    }

    @Test
    void attempt_inTheSameTrace_isAChildAndLinked() {
        Span parent = openTelemetry.getTracer("test").spanBuilder("request").startSpan();
        try (Scope current = parent.makeCurrent()) {
            millrace.enqueue(NUMBER, new Number(1));
        } finally {
            parent.end();
        }
        start(tracing.inTheSameTrace());
        rig.awaitState("completed", 1);

        SpanData enqueue = span("enqueue default");
        SpanData attempt = span("process default");
        assertThat(enqueue.getParentSpanId()).isEqualTo(parent.getSpanContext().getSpanId());
        assertThat(attempt.getParentSpanId()).isEqualTo(enqueue.getSpanId());
        assertThat(attempt.getTraceId()).isEqualTo(parent.getSpanContext().getTraceId());
        assertThat(attempt.getLinks()).hasSize(1);
    }

    @Test
    void metadata_ofTheJobsOwn_isKept() {
        TestSignal<@Nullable String> baggage = new TestSignal<>();
        try (Scope current = Baggage.builder().put("tenant", "ä").build().makeCurrent()) {
            millrace.enqueue(NUMBER, new Number(1), o -> o.metadata(" { \"n\" : 12345678901234567890.10 } "));
        }
        rig.start(rig.worker().intercept(tracing).handle(NUMBER, (job, number) -> {
            baggage.accept(Baggage.current().getEntryValue("tenant"));
        }));
        rig.awaitState("completed", 1);

        assertThat(database.queryString("SELECT (metadata -> 'n')::text FROM job"))
                .isEqualTo("12345678901234567890.10");
        assertThat(database.queryString("SELECT metadata ->> 'traceparent' FROM job"))
                .contains(span("enqueue default").getTraceId());
        assertThat(baggage.await(WorkerRig.SOON)).isEqualTo("ä");
    }

    @Test
    void bulk_isOneSpanThatAllJobsLinkTo() {
        millrace.enqueueAll(NUMBER, IntStream.range(0, 5).mapToObj(Number::new));
        start(tracing);
        rig.awaitState("completed", 5);

        SpanData enqueue = span("enqueue default");
        assertThat(enqueue.getAttributes().get(AttributeKey.longKey("messaging.batch.message_count")))
                .isEqualTo(5);
        assertAttributes(enqueue, "messaging.message.id", null, "messaging.millrace.kind", "number");
        List<SpanData> attempts = spans("process default", 5);
        assertThat(attempts)
                .allSatisfy(attempt -> assertThat(attempt.getLinks())
                        .singleElement()
                        .satisfies(link ->
                                assertThat(link.getSpanContext().getSpanId()).isEqualTo(enqueue.getSpanId())));
        assertThat(attempts).extracting(SpanData::getTraceId).doesNotHaveDuplicates();
    }

    @Test
    void bulk_ofSeveralKindsAndQueues_namesNone() {
        millrace.enqueueAll(
                List.of(
                                new NewJob("a", "{}", EnqueueOptions.DEFAULTS),
                                new NewJob("b", "{}", EnqueueOptions.DEFAULTS.queue("other")),
                                new NewJob("a", "{}", EnqueueOptions.DEFAULTS))
                        .iterator(),
                id -> {});

        assertAttributes(span("enqueue"), "messaging.destination.name", null, "messaging.millrace.kind", null);
    }

    @Test
    void enqueue_inTheCallersTransactionThatFails_isAnErrorAndLeavesNoContextBehind() throws Exception {
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            assertThatThrownBy(() ->
                            millrace.enqueue(connection, new NewJob("k", "{}", EnqueueOptions.DEFAULTS.metadata("[]"))))
                    .isInstanceOf(RuntimeException.class);
        }

        SpanData enqueue = span("enqueue default");
        assertThat(enqueue.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(enqueue.getAttributes().get(AttributeKey.stringKey("error.type")))
                .startsWith("dev.millrace.");
        assertThat(Span.current().getSpanContext().isValid()).isFalse();
    }

    @Test
    void attempts_thatFail_areErrorsThatLinkToTheSameEnqueue() {
        millrace.enqueue(NUMBER, new Number(1));
        rig.start(rig.worker()
                .intercept(tracing)
                .handleResult(
                        NUMBER,
                        (job, number) -> switch (job.attempt()) {
                            case 1 -> throw new IllegalStateException("broken");
                            case 2 -> Result.fail("not yet");
                            default -> Result.discard("never");
                        },
                        RetryPolicy.fixed(Duration.ZERO)));
        rig.awaitState("discarded", 1);

        List<SpanData> attempts = spans("process default", 3);
        assertThat(attempts)
                .allSatisfy(attempt -> {
                    assertThat(attempt.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
                    assertThat(attempt.getLinks()).hasSize(1);
                })
                .extracting(attempt -> attempt.getAttributes().get(AttributeKey.stringKey("error.type")))
                .containsExactly("java.lang.IllegalStateException", "fail", "discard");
        assertThat(attempts)
                .extracting(attempt -> attempt.getStatus().getDescription())
                .containsExactly("broken", "not yet", "never");
        assertThat(attempts.get(0).getEvents())
                .singleElement()
                .satisfies(event -> assertThat(event.getName()).isEqualTo("exception"));
    }

    @Test
    void attempt_ofAJobWithoutContext_hasNoLink() {
        database.execute(
                "INSERT INTO job (kind, args, metadata) VALUES ('number', '{\"n\": 1}', '{\"traceparent\": 7}'),"
                        + " ('number', '{\"n\": 1}', '{\"traceparent\": \"odd\"}'), ('number', '{\"n\": 1}', NULL)");
        start(tracing);
        rig.awaitState("completed", 3);

        assertThat(spans("process default", 3)).allSatisfy(attempt -> {
            assertThat(attempt.getLinks()).isEmpty();
            assertThat(attempt.getParentSpanContext().isValid()).isFalse();
        });
    }

    @Test
    void noop_changesNothing() {
        Millrace untraced = rig.open(Millrace.builder(Database.of(database.url()))
                .intercept(MillraceTracing.of(OpenTelemetry.noop()))
                .connect());
        untraced.enqueue(NUMBER, new Number(1));
        start(MillraceTracing.of(OpenTelemetry.noop()));
        rig.awaitState("completed", 1);

        assertThat(database.queryLong("SELECT count(*) FROM job WHERE metadata IS NULL"))
                .isEqualTo(1);
    }

    private void start(MillraceTracing with) {
        rig.start(rig.worker().intercept(with).handle(NUMBER, (job, number) -> handled.accept(Span.current())));
    }

    private SpanData span(String name) {
        return spans(name, 1).get(0);
    }

    private List<SpanData> spans(String name, int count) {
        await().atMost(WorkerRig.SOON)
                .untilAsserted(() -> assertThat(named(name))
                        .as("%s", exporter.getFinishedSpanItems())
                        .hasSize(count));
        return named(name);
    }

    private List<SpanData> named(String name) {
        return exporter.getFinishedSpanItems().stream()
                .filter(span -> span.getName().equals(name))
                .toList();
    }

    private static void assertAttributes(SpanData span, @Nullable String... namesAndValues) {
        for (int i = 0; i < namesAndValues.length; i += 2) {
            assertThat(span.getAttributes().get(AttributeKey.stringKey(String.valueOf(namesAndValues[i]))))
                    .as(namesAndValues[i])
                    .isEqualTo(namesAndValues[i + 1]);
        }
    }
}
