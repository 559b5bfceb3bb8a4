package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.testing.TestSignal;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EventsTest {

    private static final Duration SOON = Duration.ofSeconds(10);

    private final ConnectionMetrics metrics = new ConnectionMetrics();

    @Test
    void tell_receiverThatBlocks_losesTheNewestWithACountAndNeverWaits() {
        CountDownLatch release = new CountDownLatch(1);
        TestSignal<Integer> told = new TestSignal<>();
        try (Events<Integer> events = new Events<>(
                "test",
                3,
                number -> {
                    told.accept(number);
                    try {
                        release.await();
                    } catch (InterruptedException closed) {
                        Thread.currentThread().interrupt();
                    }
                },
                metrics)) {
            events.tell(0);
            told.await(SOON);
            IntStream.rangeClosed(1, 10).forEach(events::tell);

            assertThat(metrics.count(Counter.EVENTS_DROPPED)).isEqualTo(7);
            release.countDown();
            told.await(number -> number == 3, SOON);
            assertThat(told.all()).containsExactly(0, 1, 2, 3);
        }
    }

    @Test
    void tell_receiverThatThrows_isLoggedOnceCountedAndToldTheNext() {
        TestSignal<Integer> told = new TestSignal<>();
        LogLines log = new LogLines();
        log.start();
        try (Events<Integer> events = new Events<>(
                "test",
                10,
                number -> {
                    told.accept(number);
                    if (number == 1) {
                        throw new LinkageError("an error, not an exception");
                    }
                    throw new IllegalStateException("broken");
                },
                metrics)) {
            List.of(1, 2, 3).forEach(events::tell);

            await().atMost(SOON).until(() -> metrics.count(Counter.EVENT_RECEIVER_FAILURES) == 3);
            assertThat(told.all()).containsExactly(1, 2, 3);
        } finally {
            assertThat(log.stop()).as(log.toString()).isEqualTo(1);
        }
    }

    @Test
    void close_receiverThatHangs_isBoundedAndTwiceIsOnce() {
        CountDownLatch never = new CountDownLatch(1);
        TestSignal<Integer> told = new TestSignal<>();
        TestSignal<String> interrupted = new TestSignal<>();
        Events<Integer> events = new Events<>(
                "test",
                10,
                number -> {
                    told.accept(number);
                    try {
                        never.await();
                    } catch (InterruptedException closed) {
                        interrupted.accept("interrupted");
                    }
                },
                metrics);
        events.tell(1);
        told.await(SOON);

        long began = System.nanoTime();
        events.close();
        events.close();

        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
        interrupted.await(SOON);
    }

    @Test
    void close_beforeTheFirstEvent_startsNoThread() {
        Events<Integer> events = new Events<>("never-started", 10, number -> {}, metrics);
        events.close();
        events.tell(1);

        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().equals("millrace-never-started"));
    }
}
