package dev.millrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.enqueue.Enqueued;
import dev.millrace.job.EnqueueInterceptor;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who is told how a call to enqueue ended, where interceptors throw. */
class InterceptorsTest {

    private static final NewJob JOB = new NewJob("k", "{}", EnqueueOptions.DEFAULTS);

    private final List<String> told = new ArrayList<>();

    /** One that notes what it is told, and throws then. */
    private EnqueueInterceptor throwing(String name) {
        return new EnqueueInterceptor() {
            @Override
            public NewJob beforeEnqueue(NewJob job) {
                return job;
            }

            @Override
            public Call beforeCall(boolean bulk) {
                return new Call() {
                    @Override
                    public void enqueued(long jobs, long id) {
                        told.add(name + " enqueued");
                        throw new IllegalStateException(name);
                    }

                    @Override
                    public void failed(Throwable failure) {
                        told.add(name + " failed: " + failure.getMessage());
                        throw new IllegalStateException(name);
                    }
                };
            }
        };
    }

    private final Interceptors interceptors = new Interceptors(List.of(throwing("a"), throwing("b"), throwing("c")));

    @Test
    void enqueued_eachThrows_eachIsToldOnce_andTheFirstIsThrown() {
        assertThatThrownBy(() -> interceptors.one(JOB, job -> new Enqueued(7, Enqueued.Outcome.INSERTED)))
                .hasMessage("c")
                .satisfies(thrown -> assertThat(thrown.getSuppressed())
                        .extracting(Throwable::getMessage)
                        .containsExactly("b", "a"));
        assertThat(told).containsExactly("c enqueued", "b enqueued", "a enqueued");
    }

    @Test
    void failed_eachThrows_eachIsToldOnce_andTheFailureIsThrown() {
        assertThatThrownBy(() -> interceptors.one(JOB, job -> {
                    throw new IllegalArgumentException("refused");
                }))
                .hasMessage("refused")
                .satisfies(thrown -> assertThat(thrown.getSuppressed())
                        .extracting(Throwable::getMessage)
                        .containsExactly("c", "b", "a"));
        assertThat(told).containsExactly("c failed: refused", "b failed: refused", "a failed: refused");
    }

    @Test
    void beforeCall_oneThrows_onlyThoseBeforeItAreTold() {
        EnqueueInterceptor refuses = new EnqueueInterceptor() {
            @Override
            public NewJob beforeEnqueue(NewJob job) {
                return job;
            }

            @Override
            public Call beforeCall(boolean bulk) {
                throw new IllegalStateException("refuses");
            }
        };
        Interceptors some = new Interceptors(List.of(throwing("a"), refuses, throwing("c")));

        assertThatThrownBy(() -> some.one(JOB, job -> new Enqueued(7, Enqueued.Outcome.INSERTED)))
                .hasMessage("refuses");
        assertThat(told).containsExactly("a failed: refuses");
    }
}
