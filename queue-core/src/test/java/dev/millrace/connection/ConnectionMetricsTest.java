package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.ConnectionMetrics.Bucket;
import dev.millrace.connection.ConnectionMetrics.Timer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ConnectionMetricsTest {

    private final ConnectionMetrics metrics = new ConnectionMetrics();

    private long upTo(Duration bound) {
        return metrics.buckets(Timer.POOL_WAIT).stream()
                .filter(bucket -> bucket.upToNanos() == bound.toNanos())
                .findFirst()
                .orElseThrow()
                .count();
    }

    @Test
    void bounds_areInclusive_andCountsCumulative() {
        metrics.measure(Timer.POOL_WAIT, 0);
        metrics.measure(Timer.POOL_WAIT, Duration.ofMillis(1).toNanos());
        metrics.measure(Timer.POOL_WAIT, Duration.ofMillis(1).toNanos() + 1);
        metrics.measure(Timer.POOL_WAIT, Duration.ofSeconds(10).toNanos());
        metrics.measure(Timer.POOL_WAIT, Duration.ofDays(1).toNanos());

        assertThat(upTo(Duration.ofMillis(1))).isEqualTo(2);
        assertThat(upTo(Duration.ofMillis(2))).isEqualTo(3);
        assertThat(upTo(Duration.ofSeconds(5))).isEqualTo(3);
        assertThat(upTo(Duration.ofSeconds(10))).isEqualTo(4);
        assertThat(upTo(Duration.ofMinutes(30))).isEqualTo(4);
        assertThat(metrics.buckets(Timer.POOL_WAIT)).last().isEqualTo(new Bucket(Long.MAX_VALUE, 5));
        assertThat(metrics.measured(Timer.POOL_WAIT).count()).isEqualTo(5);
        assertThat(metrics.buckets(Timer.CONNECT))
                .allSatisfy(bucket -> assertThat(bucket.count()).isZero());
    }

    @Test
    void manyThreads_loseNothing() throws Exception {
        List<Thread> threads = IntStream.range(0, 8)
                .mapToObj(i -> new Thread(() -> ThreadLocalRandom.current()
                        .longs(10_000, 0, Duration.ofHours(1).toNanos())
                        .forEach(nanos -> metrics.measure(Timer.CONNECT, nanos))))
                .toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        List<Long> counts =
                metrics.buckets(Timer.CONNECT).stream().map(Bucket::count).toList();
        assertThat(counts).isSorted().last().isEqualTo(80_000L);
    }
}
