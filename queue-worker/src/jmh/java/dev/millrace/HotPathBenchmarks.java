package dev.millrace;

import org.junit.jupiter.api.Test;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Runs all benchmarks, with what each allocates; about two minutes. See docs/performance.md. */
class HotPathBenchmarks {

    @Test
    void hotPath_everyBenchmark_isMeasured() throws RunnerException {
        new Runner(new OptionsBuilder()
                        .include("dev\\.millrace\\..*Benchmark\\.")
                        .addProfiler(GCProfiler.class)
                        .jvmArgs("-Xmx512m", "-XX:+UseSerialGC")
                        .forks(2)
                        .warmupIterations(3)
                        .warmupTime(TimeValue.seconds(2))
                        .measurementIterations(5)
                        .measurementTime(TimeValue.seconds(1))
                        .shouldFailOnError(true)
                        .build())
                .run();
    }
}
