package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class CachedTest {

    private static final Duration LONG = Duration.ofHours(1);

    private final AtomicInteger made = new AtomicInteger();

    @Test
    void nobodyLooks_nothingIsMade() {
        assertThat(new Cached<>(LONG, made::incrementAndGet)).isNotNull();
        assertThat(made).hasValue(0);
    }

    @Test
    void manyLookAtOnce_isMadeOnce() throws Exception {
        CountDownLatch all = new CountDownLatch(8);
        Cached<Integer> cached = new Cached<>(LONG, made::incrementAndGet);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<Integer>> seen = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                seen.add(threads.submit(() -> {
                    all.countDown();
                    all.await();
                    return cached.get();
                }));
            }
            for (Future<Integer> each : seen) {
                assertThat(each.get(10, TimeUnit.SECONDS)).isEqualTo(1);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void intervalOver_isMadeAnew() {
        Cached<Integer> cached = new Cached<>(Duration.ZERO, made::incrementAndGet);
        assertThat(cached.get()).isEqualTo(1);
        assertThat(cached.get()).isEqualTo(2);
    }

    @Test
    void forgotten_isMadeAnew() {
        Cached<Integer> cached = new Cached<>(LONG, made::incrementAndGet);
        cached.get();
        cached.forget();
        assertThat(cached.get()).isEqualTo(2);
    }

    @Test
    void failure_isKeptAsLong() {
        Cached<Integer> cached = new Cached<>(LONG, () -> {
            throw new IllegalArgumentException("number " + made.incrementAndGet());
        });
        assertThatThrownBy(cached::get).hasMessage("number 1");
        assertThatThrownBy(cached::get).hasMessage("number 1");
    }
}
