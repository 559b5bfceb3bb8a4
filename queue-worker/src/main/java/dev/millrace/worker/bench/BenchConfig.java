package dev.millrace.worker.bench;

import java.util.Set;

/**
 * What a benchmark does.
 *
 * @param scenarios what is measured, at least one
 * @param limit whether to measure bare SQL on the same tables as well, in turn with each measurement
 */
public record BenchConfig(Set<Scenario> scenarios, Sizes sizes, JobMix mix, Conditions conditions, boolean limit) {

    public BenchConfig {
        scenarios = Set.copyOf(scenarios);
        if (scenarios.isEmpty()) {
            throw new IllegalArgumentException("Benchmark without a scenario: name at least one");
        }
    }

    /** Whether what is enqueued in bulk is worked off and measured. */
    boolean works() {
        return scenarios.contains(Scenario.WORK);
    }
}
