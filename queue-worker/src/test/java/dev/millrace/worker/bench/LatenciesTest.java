package dev.millrace.worker.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LatenciesTest {

    @Test
    void percentiles_ofAnySize_areWithinOnePercentOfTheExactOnes() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Latencies latencies = new Latencies();
        long[] micros = random.longs(10_000)
                .map(bits -> bits >>> (1 + random.nextInt(63)))
                .map(value -> value % 60_000_000)
                .toArray();
        Arrays.stream(micros).forEach(latencies::record);
        Arrays.sort(micros);

        for (double share : new double[] {0.5, 0.95, 0.99, 1}) {
            double exact = micros[(int) Math.ceil(share * micros.length) - 1] / 1e3;
            assertThat(latencies.millis(share)).as("%s, seed %d", share, seed).isCloseTo(exact, within(exact * 0.01));
        }
        assertThat(latencies.maxMillis()).isEqualTo(micros[micros.length - 1] / 1e3);
    }

    @Test
    void latencies_fromAnotherProcess_addUp() {
        Latencies one = new Latencies();
        one.record(1_000);
        Latencies other = new Latencies();
        other.record(3_000);
        one.add(other.counted());

        assertThat(one.millis(0.5)).isCloseTo(1, within(0.01));
        assertThat(one.millis(1)).isEqualTo(3);
    }

    @Test
    void latencies_none_areNoNumber() {
        assertThat(new Latencies().millis(0.5)).isNaN();
    }
}
