package dev.millrace.worker.bench;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What was measured, by name and run. A dot in a name begins what is within: {@code latency_ms.p50}. Not thread-safe.
 */
final class Figures {

    private static final MathContext DIGITS = new MathContext(4, RoundingMode.HALF_UP);

    private final Map<String, List<double[]>> runs = new LinkedHashMap<>();
    private final Map<String, Long> sums = new LinkedHashMap<>();

    /** What one more run came to; null where it could not be measured. */
    void add(String name, @Nullable Double value) {
        addAll(name, value == null ? Double.NaN : value);
    }

    /** Figures that belong together, as one list. */
    void addAll(String name, double... values) {
        runs.computeIfAbsent(name, first -> new ArrayList<>()).add(values.clone());
    }

    /** Counts of which the sum of all runs matters. */
    void count(String name, long value) {
        sums.merge(name, value, Long::sum);
    }

    /** Of the runs so far; NaN where there is none. */
    double median(String name) {
        List<double[]> values = runs.getOrDefault(name, List.of());
        return median(values.stream().mapToDouble(run -> run[0]).toArray());
    }

    /** Medians and sums, what is within as a map of its own. */
    Map<String, Object> report() {
        Map<String, Object> report = new LinkedHashMap<>();
        runs.forEach((name, values) -> {
            int length = values.get(0).length;
            List<@Nullable Number> medians = new ArrayList<>();
            for (int i = 0; i < length; i++) {
                int index = i;
                medians.add(rounded(
                        median(values.stream().mapToDouble(run -> run[index]).toArray())));
            }
            put(report, name, length == 1 ? medians.get(0) : medians);
        });
        sums.forEach((name, sum) -> put(report, name, sum));
        return report;
    }

    /** Tells each figure that is a single number, run by run. */
    void eachRun(BiConsumer<String, List<@Nullable Number>> receiver) {
        runs.forEach((name, values) -> {
            if (values.get(0).length == 1) {
                List<@Nullable Number> numbers = new ArrayList<>();
                values.forEach(run -> numbers.add(rounded(run[0])));
                receiver.accept(name, numbers);
            }
        });
    }

    @SuppressWarnings("unchecked") // Only this method makes the inner maps.
    private static void put(Map<String, Object> into, String name, @Nullable Object value) {
        int dot = name.indexOf('.');
        if (dot < 0) {
            into.put(name, value);
        } else {
            put(
                    (Map<String, Object>) into.computeIfAbsent(name.substring(0, dot), key -> new LinkedHashMap<>()),
                    name.substring(dot + 1),
                    value);
        }
    }

    private static double median(double... values) {
        if (values.length == 0) {
            return Double.NaN;
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** Whole above a thousand, else four digits; null for what is no number. */
    private static @Nullable Number rounded(double value) {
        if (!Double.isFinite(value)) {
            return null;
        }
        if (Math.abs(value) >= 1_000 || value == Math.rint(value)) {
            return Math.round(value);
        }
        return new BigDecimal(value).round(DIGITS).doubleValue();
    }
}
