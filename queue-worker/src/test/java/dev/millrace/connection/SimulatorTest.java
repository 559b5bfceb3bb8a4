package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * The real state machine, pacing and lease logic through thousands of simulated lives. {@code -Dsimulator.seed=N} runs one of them
 * again, {@code -Dsimulator.seeds=N} more or fewer.
 */
class SimulatorTest {

    /** Each of these once found a mistake. */
    private static final long[] CORPUS = {};

    private static final Logger OUTAGES = (Logger) LoggerFactory.getLogger(Outage.class);

    @BeforeAll
    static void hush() {
        OUTAGES.setLevel(Level.OFF);
    }

    @AfterAll
    static void speak() {
        OUTAGES.setLevel(null);
    }

    @Test
    void tenThousandLives_keepEveryPromise() {
        Long one = Long.getLong("simulator.seed");
        if (one != null) {
            run(one);
            return;
        }
        for (long seed : CORPUS) {
            run(seed);
        }
        SplittableRandom seeds = new SplittableRandom();
        int lives = Integer.getInteger("simulator.seeds", 10_000);
        long epochs = 0;
        long stale = 0;
        long completions = 0;
        long rejected = 0;
        List<Long> recoveries = new ArrayList<>();
        long began = System.nanoTime();
        for (int i = 0; i < lives; i++) {
            Simulation simulation = run(seeds.nextLong());
            epochs += simulation.epochs();
            stale += simulation.staleEvents();
            completions += simulation.completions();
            rejected += simulation.lateRejected();
            if (simulation.endedInANetworkFault()) {
                recoveries.add(simulation.recoveredMillis());
            }
        }
        System.out.printf(
                "Simulator: %d lives, %d epochs, %d late events of old epochs, %d accepted completions, %d rejected, %.1f s%n",
                lives, epochs, stale, completions, rejected, (System.nanoTime() - began) / 1e9);
        recoveries.sort(null);
        System.out.printf(
                "Simulator: usable again after a network fault p50 %d ms, p99 %d ms (%d lives)%n",
                recoveries.get(recoveries.size() / 2), recoveries.get(recoveries.size() * 99 / 100), recoveries.size());
        assertThat(recoveries.get(recoveries.size() / 2)).isLessThanOrEqualTo(4_000);
        // It met what it is for.
        assertThat(epochs).isGreaterThan(lives);
        assertThat(stale).isPositive();
        assertThat(completions).isPositive();
        assertThat(rejected).isPositive();
    }

    private static Simulation run(long seed) {
        Simulation simulation = new Simulation(seed);
        try {
            simulation.run();
            return simulation;
        } catch (AssertionError | RuntimeException violation) {
            throw new AssertionError("-Dsimulator.seed=" + seed + ": " + violation.getMessage(), violation);
        }
    }
}
